"""The functions of settling that are compiled to machine code, loaded together.

    python -m medsettle.settle.machine_code

compiles them into their cache, so that the first server of an installation need not.
"""

import importlib
from typing import Final

MODULES: Final = ("medsettle.settle.blocks", "medsettle.settle.native_lines")
"""The interpreter of programs, and the loops over charge lines."""


def load() -> None:
    """Load them, which takes some tenths of a second, and seconds where nothing is cached.

    Without this the first large batch does it. A server calls it before its port opens.
    """
    for name in MODULES:
        importlib.import_module(name)


if __name__ == "__main__":
    load()
