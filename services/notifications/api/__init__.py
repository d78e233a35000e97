"""The HTTP APIs: GOV.UK Notify's v2, and the platform's own for staff."""
