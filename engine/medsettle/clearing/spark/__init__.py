"""Reconciliation over a cluster."""
