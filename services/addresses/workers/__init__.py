"""Background workers of the service: one module for each."""
