"""What runs beside requests: one module for each worker."""
