"""Write `engine/gateway.openapi.json`, the open description of the national interface.

Stands beside the package because it writes a file. `make openapi` runs it, and
`make drift` compares the file with what it would write today.
"""

import sys
from pathlib import Path

import orjson
from medsettle.gateway import registry
from medsettle.gateway.openapi import description


def main() -> None:
    """Write the document to the file named on the command line."""
    document = description(registry.transactions())
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    Path(sys.argv[1]).write_bytes(written)


if __name__ == "__main__":
    main()
