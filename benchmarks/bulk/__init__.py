"""Bulk settling measured: Arrow batches in, durable and audited settlements out."""
