"""Loads what a server loads before its port opens, so that parts in this process have it too."""

from importlib import import_module
from importlib.util import find_spec
from typing import Final

# Modules whose import compiles, or reads from the cache, what then runs as machine code.
NATIVE: Final = ("medsettle.settle.blocks", "medsettle.settle.native_lines")


def load() -> None:
    """Import those of the modules that there are."""
    for name in NATIVE:
        if find_spec(name) is not None:
            import_module(name)
