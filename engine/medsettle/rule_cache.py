"""The rule book of a folder, as it was compiled last time.

Checking and compiling every document takes most of a second; reading the outcome back takes a
twentieth of it. What is kept is named by a digest of all that it follows from: each file of the
folder, this code, and the versions beneath it. So nothing is ever trusted that other documents or
other code made, and nothing needs to be cleared.

A file is named by the digest of its sources and begins with the digest of itself: one torn by a
crash or a full disk is no match and is written again. Several processes may write at once; each
writes under a name of its own first, and their outcomes are equal. Where nothing can be written,
everything is compiled anew.

Reading pickles runs whatever they say, so the folder has to belong to this user alone.
"""

import copyreg
import gc
import io
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from medsettle import limits
from medsettle.policy.rule_book import RuleBook

VARIABLE: Final = "MEDSETTLE_CACHE"
"""Names the folder that books are kept in; set to nothing, none is kept."""

_CODE: Final = ("core", "errors", "policy")
_DIGEST_BYTES: Final = 32
_PROTOCOL: Final = 5
_SUFFIX: Final = ".book"


def rule_book(folder: Path) -> RuleBook:
    """Return the rule book of a folder, as `medsettle.policy.book.load_rule_book` does.

    Raises:
        PolicyRejected: Some document has faults; all faults of all documents are listed.
        OSError: The folder or a file cannot be read, or the folder is no folder of areas.
    """
    kept = _place()
    if kept is None or not folder.is_dir():
        return _loaded(folder)
    try:
        name = _name(folder)
    except OSError:
        # A file that is no document cannot be read, or went away: the loader may not need it.
        return _loaded(folder)
    found = _read(kept / name)
    if found is None:
        found = _loaded(folder)
        # A document that changed meanwhile would be kept under the digest of its elder.
        with suppress(OSError):
            if name == _name(folder):
                _write(kept / name, found)
    return found


def _loaded(folder: Path) -> RuleBook:
    from medsettle.policy.book import load_rule_book  # noqa: PLC0415 - loads all that reads YAML

    return load_rule_book(folder)


def _place() -> Path | None:
    """Return the folder of books, made where it was missing; None where there can be none."""
    named = os.environ.get(VARIABLE)
    if named is None:
        own = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        named = f"{own}/medsettle"
    if not named:
        return None
    try:
        place = Path(named).expanduser()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = place.stat()
    except (OSError, RuntimeError):
        return None
    return place if state.st_uid == os.geteuid() and not state.st_mode & 0o022 else None


def _name(folder: Path) -> str:
    """Return the name of the file for what the documents of a folder say now."""
    # Places of faults and of clauses name files as the caller named the folder.
    said = [sys.version, np.__version__, str(folder)]
    total = sha256("\0".join(said).encode())
    package = Path(__file__).parent
    _add(total, sorted(path for part in _CODE for path in (package / part).iterdir()))
    _add(total, [Path(__file__), package / "limits.py", *_parser()])
    documents = [*folder.glob("*.y*ml"), *folder.glob("*/*/*.y*ml")]
    for area in {path.parent for path in folder.glob("*/*.y*ml")}:
        documents += area.iterdir()
    _add(total, sorted(documents))
    return total.hexdigest() + _SUFFIX


def _parser() -> list[Path]:
    """Return the file that names the version of what reads YAML, without loading it."""
    found = find_spec("ruamel.yaml")
    return [Path(found.origin)] if found is not None and found.origin else []


def _add(total: Any, paths: list[Path]) -> None:  # noqa: ANN401 - hashlib names no type
    for path in paths:
        if path.is_file():
            total.update(str(path).encode())
            total.update(sha256(path.read_bytes()).digest())


def _read(path: Path) -> RuleBook | None:
    """Return the book that a file holds; None where there is no whole one of this user."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            digest, content = file.read(_DIGEST_BYTES), file.read()
        if sha256(content).digest() != digest:
            return None
        # The one read last is the last to go.
        os.utime(path)
    except OSError:
        return None
    # Of this user, this code and these documents.
    book = unpickled(content)
    return book if isinstance(book, RuleBook) else None


def pickled(content: object) -> bytes:
    """Return rule books, or what holds some, as bytes for another process of the same code."""
    written = io.BytesIO()
    pickler = pickle.Pickler(written, _PROTOCOL)
    pickler.dispatch_table = copyreg.dispatch_table | {MappingProxyType: _reduced}
    pickler.dump(content)
    return written.getvalue()


def unpickled(content: bytes) -> object:
    """Return what `pickled` made bytes of; whoever calls this knows that it did."""
    with _without_collector():
        return pickle.loads(content)  # noqa: S301 - it runs what it says; see above


def _write(path: Path, book: RuleBook) -> None:
    content = pickled(book)
    unfinished: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            unfinished = Path(file.name)
            file.write(sha256(content).digest())
            file.write(content)
        unfinished.replace(path)
        unfinished = None
        elder = sorted(path.parent.glob(f"*{_SUFFIX}"), key=lambda each: each.stat().st_mtime)
        for each in elder[: -limits.RULE_BOOKS_KEPT]:
            each.unlink(missing_ok=True)
    except OSError:
        # The disk is full or not ours to write, or another process tidies: all may stay as it is.
        if unfinished is not None:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)


def _reduced(mapping: MappingProxyType[Any, Any]) -> tuple[Callable[..., Any], tuple[Any]]:
    return _read_only, (dict(mapping),)


def _read_only(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Make many objects that all stay, without looking for garbage among them on the way."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
