"""Books that should agree: read, compared, and what differs put into classes."""
