"""Tests with requests generated from every service's OpenAPI document."""
