"""The gRPC service: wire forms, statuses, batching, servicers and the server."""
