"""A demonstration on invented claims: settle, explain, cancel and replay a day."""
