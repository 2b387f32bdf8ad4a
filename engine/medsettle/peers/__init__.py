"""How calls travel between engines of different areas: links, breakers, handler, certificates."""
