"""Tests of telemetry: one trace for one journey, and no personal data in any signal."""
