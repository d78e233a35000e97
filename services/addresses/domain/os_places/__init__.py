"""The OS Places API: its parameters, filters, results, code lists, rate limit and XML."""
