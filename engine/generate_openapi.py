"""Write the open description of the national interface, and the table of its transactions.

Stands beside the package because it writes files. `make openapi` runs it for
`engine/gateway.openapi.json` and `engine/gateway.md`, and `make drift` compares both with what it
would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson
from medsettle.gateway import registry
from medsettle.gateway.openapi import description

PAGE: Final = Path(__file__).with_name("gateway.md")
BEGIN: Final = "<!-- transactions: begin -->\n"
END: Final = "<!-- transactions: end -->\n"


def _rows() -> Iterator[str]:
    yield "| infno | 交易 | input | output | once a msgid |"
    yield "|---|---|---|---|---|"
    for each in sorted(registry.transactions(), key=lambda found: found.infno):
        numbers = ", ".join((each.infno, *each.variants))
        said, told = (
            ", ".join(f"`{node.name}`{'[]' if node.many else ''}" for node in nodes if node.name)
            for nodes in (each.inputs, each.outputs)
        )
        once = "yes" if each.moves else ""
        yield f"| {numbers} | {each.title} | {said} | {told} | {once} |"


def page() -> str:
    """Return the page for integrators with today's table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n" + "\n".join(_rows()) + f"\n\n{END}{after}"


def main() -> None:
    """Write document and page to the files named on the command line."""
    document = description(registry.transactions())
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    Path(sys.argv[1]).write_bytes(written)
    Path(sys.argv[2]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
