"""How far a command is, for a program that began it: lines of JSON on the error stream."""

import time
from typing import Annotated

import orjson
import typer

ForPrograms = Annotated[
    bool,
    typer.Option(
        "--progress", help="Tell on the error stream how far it is, a line of JSON each time."
    ),
]


class ProgressLines:
    """Says how much of something is done, in how many seconds; nothing where nobody asked."""

    def __init__(self, what: str, *, wanted: bool) -> None:
        """Begin now; `what` is counted, such as claims."""
        self._what = what
        self._wanted = wanted
        self._begun = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Say how much is done."""
        if self._wanted:
            seconds = round(time.monotonic() - self._begun, 3)
            body = {"what": self._what, "done": done, "of": of, "seconds": seconds}
            typer.echo(orjson.dumps(body), err=True)
