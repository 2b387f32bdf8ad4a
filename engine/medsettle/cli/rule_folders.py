"""Which folder of rules a command means, and which documents lie in what a user named."""

from collections.abc import Sequence
from pathlib import Path

from medsettle.policy import book as books

RULES = Path("rules")
"""The folder of rules where none is named."""


def documents(path: Path) -> list[Path]:
    """Return the documents that a path names: itself, or all in the areas below it.

    Raises:
        FileNotFoundError: There are none.
    """
    if path.is_file():
        return [path]
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r} here; correct the path")
    found = [
        document
        for area_file in sorted({*path.rglob(books.AREA_FILE)})
        for document in sorted(area_file.parent.glob("*.yaml"))
    ]
    if not found:
        raise FileNotFoundError(
            f"{str(path)!r} holds no rule document; name a folder with folders like 110000 in it, "
            f"each with an {books.AREA_FILE}"
        )
    return found


def example_files(path: Path) -> list[Path]:
    """Return the files of worked examples that a path names: itself, or all below it.

    Raises:
        FileNotFoundError: There is no such path.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r} here; correct the path")
    return [path] if path.is_file() else sorted(path.rglob(f"*{books.EXAMPLES_SUFFIX}"))


def rule_folder(rules: Path | None, paths: Sequence[Path]) -> Path:
    """Return the folder of rules that belongs to what a user named, where none is given.

    Examples are proved with the policies beside them, wherever that is.
    """
    if rules is not None:
        return rules
    found = {folder for path in paths if (folder := _rules_of(path)) is not None}
    return found.pop() if len(found) == 1 else RULES


def _rules_of(path: Path) -> Path | None:
    """Return the folder of areas that a path names or lies in; None where it does not."""
    folder = path.parent if path.is_file() else path
    if (folder / books.AREA_FILE).is_file():
        return folder.parent
    return folder if any(folder.glob(f"*/{books.AREA_FILE}")) else None
