"""Settling with engines of other areas: who they are, how calls reach them, what is open."""
