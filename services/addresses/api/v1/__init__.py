"""Our own API, `/v1/addresses`."""
