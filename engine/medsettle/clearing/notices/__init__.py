"""Notices, what they net to, how the bank pays them, and the end of a year."""
