"""The parts of a run: each is given the options and returns what it measured."""
