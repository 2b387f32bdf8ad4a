"""Filling in a request: names become what they stand for, and tables become zipped files."""

import base64
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

_NAME: Final = re.compile(r"\$\{([\w. -]+)\}")
_ZIP: Final = "$zip"


class NotKept(Exception):
    """A name stands for nothing that was given or kept."""


def filled(value: Any, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Return a value with every `${name}` replaced.

    A text that is one name becomes whatever that is; a name within a text becomes its text.

    >>> filled({"a": "${n}", "b": "no ${n}"}, {"n": 3})
    {'a': 3, 'b': 'no 3'}

    Raises:
        NotKept: A name is not known.
    """
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        if whole is not None:
            return _known(whole[1], known)
        return _NAME.sub(lambda found: str(_known(found[1], known)), value)
    if isinstance(value, Mapping):
        if _ZIP in value:
            return zipped(value[_ZIP]["name"], filled(value[_ZIP]["rows"], known))
        return {name: filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    return value


def _known(name: str, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if name not in known:
        raise NotKept(f"${{{name}}} stands for nothing yet")
    return known[name]


def zipped(name: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return a table as the interface's files are: TAB, LF, `null` for nothing, ZIP, base64.

    Amounts have two decimals, as in an answer.
    """
    text = "".join(
        "\t".join("null" if cell is None else str(cell) for cell in row) + "\n" for row in rows
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, text.encode())
    return base64.b64encode(packed.getvalue()).decode()


def unzipped(packed: str) -> list[list[str | None]]:
    """Return the rows of the one table in a zipped file, given as base64.

    Raises:
        ValueError: It is no such file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(packed, validate=True))) as file:
            (name,) = file.namelist()
            text = file.read(name).decode()
    except zipfile.BadZipFile as error:
        raise ValueError(f"no ZIP: {error}") from error
    rows = [line.split("\t") for line in text.removesuffix("\n").split("\n") if line]
    return [[None if cell == "null" else cell for cell in row] for row in rows]
