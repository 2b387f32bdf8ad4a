"""Where the keys of pseudonyms are: in the data folder, or where an option or variable says."""

import os
from pathlib import Path
from typing import Annotated

import typer

from medsettle.privacy.pseudonyms import VARIABLE, Pseudonyms, keys_folder

__all__ = [
    "VARIABLE",
    "Keys",
    "keep_keys_in",
    "keys_folder",
    "reading_pseudonyms",
    "writing_pseudonyms",
]

Keys = Annotated[
    Path | None,
    typer.Option(
        "--pseudonym-keys",
        envvar=VARIABLE,
        help="Folder of the keys by which audit tables tell persons and cards; without it `keys` "
        "in --data.",
    ),
]


def keep_keys_in(named: Path | None) -> None:
    """Let this process, and every one that it begins, find the keys where an option says."""
    if named is not None:
        os.environ[VARIABLE] = str(named.resolve())


def writing_pseudonyms(data: Path) -> Pseudonyms:
    """Return what the audit tables of a data folder are written with; a first key is made.

    Raises:
        Precondition: A key there cannot be used.
        OSError: The folder cannot be read or written.
    """
    return Pseudonyms.opened(keys_folder(data))


def reading_pseudonyms(data: Path, named: Path | None = None) -> Pseudonyms | None:
    """Return what persons are looked up by in the audit tables of a data folder; None without keys.

    Raises:
        Precondition: A key there cannot be used.
        OSError: The folder cannot be read.
    """
    found = Pseudonyms(keys_folder(data, named))
    return found if found.keys else None
