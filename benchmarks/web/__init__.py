"""A small service on the chassis, and the same as a bare FastAPI app for comparison."""
