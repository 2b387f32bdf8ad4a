"""Histories of an invented population, and what replays them."""
