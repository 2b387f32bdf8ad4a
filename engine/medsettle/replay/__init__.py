"""Replay: settle the claims of years again, under the policies of the time or under others."""
