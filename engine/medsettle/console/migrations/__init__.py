"""How the tables of `models` came to be what they are, by Django."""
