"""Our own surface, `/v1/addresses`."""
