"""Invented populations: persons, conditions, visits and fee lines, as a history to replay."""
