"""Drafts of rule documents: kept beside the rules, never in force by anything done here."""

import json
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from medsettle import durable, limits
from medsettle.console.draft_reading import DOCUMENT, EXAMPLES, Papers, Reading, read_papers
from medsettle.errors import NotFound, Precondition
from medsettle.policy.rule_book import RuleBook

_FOLDER: Final = "drafts"
_ABOUT: Final = "about.json"
_CATALOGUE: Final = "catalogue.csv"
_NAME: Final = re.compile(r"[0-9]{8}-[0-9a-f]{8}")
_TOKEN_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that was kept: under which name, by whom, when, what for, and what it is about."""

    name: str
    by: str
    when: datetime
    purpose: str
    instead_of: str
    policy: str
    title: str
    area: str
    catalogue: bool


@dataclass
class Drafts:
    """The drafts of one console. Safe to share between threads."""

    state: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _base: RuleBook | None = None
    _read: dict[str, Reading] = field(default_factory=dict)

    def listed(self) -> list[Draft]:
        """Return all drafts, newest first."""
        folder = self.state / _FOLDER
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        found = [self.find(name) for name in names if _NAME.fullmatch(name)]
        return sorted(found, key=lambda each: (each.when, each.name), reverse=True)

    def find(self, name: str) -> Draft:
        """Return a draft by its name.

        Raises:
            NotFound: There is none of that name.
        """
        try:
            about = json.loads((self._place(name) / _ABOUT).read_bytes())
        except FileNotFoundError as error:
            raise _none(name) from error
        return Draft(**about | {"name": name, "when": datetime.fromisoformat(about["when"])})

    def papers(self, name: str) -> Papers:
        """Return what was handed in.

        Raises:
            NotFound: There is no draft of that name.
        """
        draft, place = self.find(name), self._place(name)
        examples, catalogue = (
            file.read_bytes() if file.is_file() else b""
            for file in (place / EXAMPLES, place / _CATALOGUE)
        )
        return Papers((place / DOCUMENT).read_bytes(), examples, catalogue, draft.instead_of)

    def keep(
        self, papers: Papers, reading: Reading, *, by: str, when: datetime, purpose: str
    ) -> str:
        """Keep a draft that has no faults under a new name, and return the name.

        Raises:
            Precondition: So many are kept that some have to be discarded first.
            OSError: The disk failed; nothing is kept.
        """
        assert not reading.violations
        name = f"{when:%Y%m%d}-{secrets.token_hex(_TOKEN_BYTES)}"
        about = {
            "by": by,
            "when": when.isoformat(),
            "purpose": purpose,
            "instead_of": papers.instead_of,
            "policy": reading.policy.policy.name,
            "title": reading.policy.policy.title,
            "area": reading.area,
            "catalogue": bool(papers.catalogue),
        }
        with self._lock:
            if len(self.listed()) >= limits.CONSOLE_DRAFTS_MAX:
                most = limits.CONSOLE_DRAFTS_MAX
                raise Precondition(_("%d drafts are kept; discard some of them first") % most)
            folder = self.state / _FOLDER
            unfinished = durable.unfinished_of(folder / name)
            durable.make_folder(unfinished)
            for file, content in _files(papers, about):
                durable.put(unfinished / file, content)
            durable.sync_folder(unfinished)
            unfinished.rename(folder / name)
            durable.sync_folder(folder)
        return name

    def discard(self, name: str) -> None:
        """Discard a draft.

        Raises:
            NotFound: There is none of that name.
        """
        with self._lock:
            self.find(name)
            self._read.pop(name, None)
            gone = durable.unfinished_of(self._place(name))
            # Gone at once for whoever lists the drafts, whatever becomes of its files.
            self._place(name).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def read(self, name: str, rules: Path, base: RuleBook) -> Reading:
        """Return what a draft says among the rules as they are now; they may have changed since.

        Raises:
            NotFound: There is no draft of that name.
        """
        with self._lock:
            if self._base is not base:
                self._base, self._read = base, {}
            read = self._read
        if name not in read:
            read[name] = read_papers(self.papers(name), rules, base)
        return read[name]

    def _place(self, name: str) -> Path:
        """Return the folder of a draft; a name that is none of ours never becomes a path.

        Raises:
            NotFound: It is no name of a draft.
        """
        if not _NAME.fullmatch(name):
            raise _none(name)
        return self.state / _FOLDER / name


@cache
def drafts_in(state: Path) -> Drafts:
    """Return the drafts that a console keeps in the folder of its state."""
    return Drafts(state)


def _files(papers: Papers, about: dict[str, object]) -> Iterator[tuple[str, bytes]]:
    yield DOCUMENT, papers.document
    if papers.examples:
        yield EXAMPLES, papers.examples
    if papers.catalogue:
        yield _CATALOGUE, papers.catalogue
    yield _ABOUT, json.dumps(about, ensure_ascii=False, indent=1).encode()


def _none(name: str) -> NotFound:
    return NotFound(_("there is no draft %s; it may have been discarded") % repr(name[:40]))
