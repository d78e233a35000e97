"""Notifications: email and text messages for council services, wire-compatible with GOV.UK Notify."""
