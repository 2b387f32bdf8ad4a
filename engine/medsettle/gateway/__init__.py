"""The national interface: its messages checked, answered by the engine, and recorded."""
