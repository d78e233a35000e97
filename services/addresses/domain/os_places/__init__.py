"""OS Places: its parameters, filters, results, code lists and XML."""
