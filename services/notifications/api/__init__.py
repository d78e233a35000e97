"""The HTTP surfaces: GOV.UK Notify's v2 API, and our own for staff."""
