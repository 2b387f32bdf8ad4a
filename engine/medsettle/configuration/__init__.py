"""What a server can be told: one table of settings, and where the value of each comes from."""
