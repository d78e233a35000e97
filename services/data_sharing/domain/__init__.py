"""The rules of data sharing, pure: no database, no HTTP, no broker."""
