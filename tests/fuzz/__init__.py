"""Requests that schemathesis makes from every service's OpenAPI document."""
