"""One small service on the chassis and the same as a bare FastAPI app, which requests are measured against."""
