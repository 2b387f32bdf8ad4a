"""Statements: a table that two parties hold, made here, signed by each, and verified."""

import io
import re
import threading
import zipfile
from itertools import count
from pathlib import Path
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.table_checks import refuse_unequal
from medsettle.clearing.months.tables import TableName, checked, table
from medsettle.clearing.statements.checks import verify_statement
from medsettle.clearing.statements.csv import UnreadableStatementFile
from medsettle.clearing.statements.keys import SIGNATURE_SUFFIX
from medsettle.clearing.statements.statements import (
    MANIFEST_FILE,
    TABLE_FILES,
    Manifest,
    StatedParty,
    StatementHead,
    make_statement,
    read_manifest,
)
from medsettle.console.access import page
from medsettle.console.acts import Act, By, done
from medsettle.console.pages.clearing_figures import lines_of, tables_of
from medsettle.console.pages.clearing_files import download
from medsettle.console.pages.clearing_stores import months, months_there
from medsettle.console.pages.clearing_words import TABLE_WORDS
from medsettle.console.parts import finished
from medsettle.console.place import holdings
from medsettle.console.polled import polled
from medsettle.errors import NotFound, Precondition
from medsettle.identity.roles import Right

_FOLDER: Final = "statements"
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_SIZE: Final = limits.CONSOLE_ROWS_SHOWN
_making_one: Final = threading.Lock()
_AREA: Final = gettext_lazy("Six digits, or the two of a province.")


class _PartiesForm(forms.Form):
    table = forms.ChoiceField(
        label=gettext_lazy("table"),
        choices=[(name.value, word) for name, word in TABLE_WORDS.items()],
    )
    number = forms.CharField(
        label=gettext_lazy("number of the statement"), max_length=limits.CODE_CHARS_MAX
    )
    first_area = forms.CharField(
        label=gettext_lazy("first party, area"), max_length=6, help_text=_AREA
    )
    first_name = forms.CharField(label=gettext_lazy("first party, name"), max_length=100)
    second_area = forms.CharField(
        label=gettext_lazy("second party, area"), max_length=6, help_text=_AREA
    )
    second_name = forms.CharField(label=gettext_lazy("second party, name"), max_length=100)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the statements that are kept here, and make one of a closed month."""
    with months() as store:
        closed = [] if store is None else [each.month.text for each in reversed(store.months())]
    was_done, offered = done(request, [_making(closed)] if closed else [])
    if was_done:
        return redirect("clearing-statements")
    begin = request.GET.get("after", "")
    names = [name for name in _names() if not begin or name < begin]
    context = {
        "title": _("Statements"),
        "part": "statements",
        "offers": offered,
        "rows": [_row(name) for name in names[:_SIZE]],
        "more": names[_SIZE - 1] if len(names) > _SIZE else None,
        "begun": bool(begin),
    }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_statements.html", context, status=status)


def _names() -> list[str]:
    """Return the statements that are kept here, the newest month first."""
    folder = _folder()
    if not folder.is_dir():
        return []
    return sorted(
        (each.name for each in folder.iterdir() if (each / MANIFEST_FILE).is_file()), reverse=True
    )


def _folder() -> Path:
    return holdings().place.clearing / _FOLDER


def _row(name: str) -> dict[str, Any]:
    folder = _folder() / name
    try:
        manifest = read_manifest((folder / MANIFEST_FILE).read_bytes())
    except UnreadableStatementFile as error:
        return {"name": name, "fault": str(error)}
    return {
        "name": name,
        "manifest": manifest,
        "parties": [str(party) for party in manifest.head.parties],
        "signatures": len(_signatures(folder)),
    }


def _signatures(folder: Path) -> list[Path]:
    found = folder.glob(f"{MANIFEST_FILE}.*{SIGNATURE_SUFFIX}")
    return sorted(found)[: limits.STATED_SIGNATURES_MAX]


def _making(closed: list[str]) -> Act:
    field = forms.ChoiceField(
        label=gettext_lazy("closed month"), choices=[(each, each) for each in closed]
    )
    form = type("StatementForm", (_PartiesForm,), {"month": field})
    initial = {"number": f"{closed[0]}-1"}
    return Act("make", gettext_lazy("Make a statement"), _made, form, initial=initial)


def _made(given: dict[str, Any], by: By) -> str:
    del by
    month = Month.of(given["month"])
    with months_there() as store:
        closed = store.closed(month)
        with tables_of(store, closed) as connection:
            refuse_unequal(lines_of(store, closed), checked(connection))
            found = table(connection, given["table"])
    parties = (
        StatedParty(given["first_area"], given["first_name"]),
        StatedParty(given["second_area"], given["second_name"]),
    )
    head = StatementHead(given["number"], given["table"], month.first_day, parties)
    with _making_one:
        manifest = _of_number(head)
        if manifest is None:
            folder = _new_folder(month, TableName(given["table"]))
            manifest = make_statement(folder, found, head)
    told = {"number": given["number"], "rows": manifest.row_count}
    return _("Statement %(number)s with %(rows)d rows is made; both parties sign it.") % told


def _of_number(head: StatementHead) -> Manifest | None:
    """Return the statement of that number, where the same was made of the same month before.

    Raises:
        Precondition: The number is that of another statement.
    """
    for name in _names():
        try:
            manifest = read_manifest((_folder() / name / MANIFEST_FILE).read_bytes())
        except UnreadableStatementFile:
            continue
        if manifest.head == head:
            return manifest
        if manifest.head.number == head.number:
            raise Precondition(
                _("%(number)s is the number of %(name)s already; choose another.")
                % {"number": head.number, "name": name}
            )
    return None


def _new_folder(month: Month, name: TableName) -> Path:
    """Return a folder that is not there yet, under a name of ours."""
    made = (_folder() / f"{month.text}-{name}-{at:03d}" for at in count(1))
    return next(each for each in made if not each.exists())


def _named(name: str) -> tuple[Path, Manifest]:
    """Return the folder of a statement and its manifest.

    Raises:
        NotFound: None is kept here under that name.
    """
    folder = _folder() / name
    if not _NAME.fullmatch(name) or not (folder / MANIFEST_FILE).is_file():
        raise NotFound(_("There is no statement of that name."))
    return folder, read_manifest((folder / MANIFEST_FILE).read_bytes())


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def shown(request: HttpRequest, name: str) -> HttpResponse:
    """Show a statement: what it is about, its files, and who signed it."""
    try:
        folder, manifest = _named(name)
    except UnreadableStatementFile as error:
        fault = {"title": name, "part": "statements", "name": name, "fault": str(error)}
        return render(request, "console/clearing_statement.html", fault)
    context = {
        "title": _("Statement %s") % manifest.head.number,
        "part": "statements",
        "name": name,
        "manifest": manifest,
        "sums": [(each, int(fen)) for each, fen in manifest.sums_fen.items()],
        "signatures": [each.name for each in _signatures(folder)],
    }
    return render(request, "console/clearing_statement.html", context)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
@polled
def verified(request: HttpRequest, name: str) -> HttpResponse:
    """Show whether a statement is what its parties signed: a part of its page."""
    context: dict[str, Any]
    try:
        folder, _manifest = _named(name)
        found = verify_statement(folder)
        context = {
            "verified": found,
            "findings": [str(each) for each in found.findings[:_SIZE]],
            "more": len(found.findings[_SIZE:]),
        }
    except (OSError, NotFound) as error:
        context = {"fault": str(error).replace(str(_folder()), "")}
    return finished(request, "console/clearing_verified.html", context)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def archive(request: HttpRequest, name: str) -> HttpResponse:
    """Return all files of a statement with its signatures, as one archive."""
    del request
    folder, _manifest = _named(name)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in (*TABLE_FILES, MANIFEST_FILE):
            packed.write(folder / file, file)
        for signature in _signatures(folder):
            packed.write(signature, signature.name)
    return download(content.getvalue(), f"{name}.zip")


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def one_file(request: HttpRequest, name: str, file: str) -> HttpResponse:
    """Return one file of a statement."""
    del request
    folder, _manifest = _named(name)
    if file not in TABLE_FILES:
        raise NotFound(_("A statement has no file of that name."))
    return download((folder / file).read_bytes(), f"{name}.{file.rpartition('.')[2]}")


urls = [
    path("statements", listed, name="clearing-statements"),
    path("statements/<str:name>.zip", archive, name="clearing-statement-archive"),
    path("statements/<str:name>/verified", verified, name="clearing-statement-verified"),
    path("statements/<str:name>/files/<str:file>", one_file, name="clearing-statement-file"),
    path("statements/<str:name>", shown, name="clearing-statement"),
]
