"""Differences with their history: open items, what may be done about them, alarms."""
