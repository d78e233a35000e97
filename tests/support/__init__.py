"""Support for tests: services on real ports, tokens of a test issuer, readers of events and logs."""
