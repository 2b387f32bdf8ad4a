"""A till that cannot reach the engine: claims are sealed here, and settled in order later."""
