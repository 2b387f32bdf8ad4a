"""Gather the words of the console's pages into the catalogue of each language, and compile it.

    python engine/generate_words.py OUT [FROM]

FROM is the folder of catalogues that translations are taken from, OUT where they are written: both
are `engine/medsettle/console/locale` for `make words`. What no page says any longer is dropped;
what is new has no translation until somebody writes one into the catalogue, and a test says so.
"""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

_CONSOLE: Final = Path(__file__).parent / "medsettle" / "console"
LOCALE: Final = _CONSOLE / "locale"
LANGUAGES: Final = ("zh_Hans",)
_ALWAYS: Final = datetime(2026, 11, 30, tzinfo=UTC)
_KEYWORDS: Final = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}


def main() -> None:
    """Write the catalogues of every language."""
    out = Path(sys.argv[1])
    kept = Path(sys.argv[2]) if len(sys.argv) > 2 else out
    for language in LANGUAGES:
        written = catalogue_of(language, kept)
        folder = out / language / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "django.po").open("wb") as file:
            write_po(file, written, sort_output=True, no_location=True, width=100)
        with (folder / "django.mo").open("wb") as file:
            write_mo(file, written)


def catalogue_of(language: str, kept: Path) -> Catalog:
    """Return what the pages say today, with the translations that are kept."""
    known = _read(kept / language / "LC_MESSAGES" / "django.po", language)
    fresh = Catalog(
        language,
        header_comment="",
        project="medsettle",
        version="1",
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        # Today's would make every run another one.
        creation_date=_ALWAYS,
        revision_date=_ALWAYS,
        fuzzy=False,
    )
    for words, context in _words():
        before = known.get(words, context)
        fresh.add(words, before.string if before else "", context=context)
    return fresh


def _read(file: Path, language: str) -> Catalog:
    if not file.exists():
        return Catalog(language)
    with file.open("rb") as content:
        return read_po(content, language)


def _words() -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """Yield each text that is to be translated with its context, of a plural both forms."""
    if not settings.configured:
        settings.configure()
    for path in sorted(_CONSOLE.rglob("*")):
        text = path.read_text(encoding="utf-8") if path.suffix in {".py", ".html"} else ""
        if path.suffix == ".html":
            text = templatize(text, origin=path.name)
        source = io.BytesIO(text.encode())
        for _line, words, _comments, context in extract("python", source, _KEYWORDS):
            yield words, context


if __name__ == "__main__":
    main()
