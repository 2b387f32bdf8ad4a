"""Policies as data: read, checked with all faults at once, compiled to a rule table."""
