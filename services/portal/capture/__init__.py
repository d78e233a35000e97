"""Providers that take mail and texts like real ones and show them on a page. For one machine only."""
