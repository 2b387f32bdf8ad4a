"""Proof by faults: a seeded simulation of a whole deployment, and real servers that are killed."""
