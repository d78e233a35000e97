"""Clients of the providers of email and text messages."""
