"""The national interface under load, beside a handler that does nothing on the same HTTP server."""
