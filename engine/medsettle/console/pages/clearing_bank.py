"""The bank: files that ask it to pay, and messages that say what it did."""

from dataclasses import fields
from typing import Any, Final

import pyarrow as pa
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.notices.bank import match
from medsettle.clearing.notices.bank_lines import (
    ToldLine,
    told_lines,
    told_statement,
    told_statements,
)
from medsettle.clearing.notices.book import Status, Wanted, notices_wanted
from medsettle.clearing.notices.payment_files import (
    pay,
    payment_file,
    payment_files,
    without_account,
)
from medsettle.clearing.notices.under_way import under_way_fen
from medsettle.console.access import page
from medsettle.console.acts import Act, By, UploadField, done
from medsettle.console.pages.clearing_figures import work_folder
from medsettle.console.pages.clearing_files import download, file_of
from medsettle.console.pages.clearing_stores import moment_of, months, months_there
from medsettle.console.pages.clearing_words import FINDING_WORDS, fund_line_word
from medsettle.console.pages.positions import position
from medsettle.console.pages.uploads import told_name
from medsettle.errors import NotFound
from medsettle.identity.roles import Right
from medsettle.payments.accounts import accounts_of

_PAYMENTS: Final = "payment-files"
_LINE_TYPES: Final = {
    **dict.fromkeys(("statement", "place", "notice"), pa.int64()),
    "returned": pa.bool_(),
    "value_date": pa.date32(),
}
_MISSING_SHOWN: Final = 10
_ACCOUNTS_HELP: Final = gettext_lazy(
    "CSV: payee_type,pooling_area,payee,account,name,bank; a fiscal account is fiscal, the "
    "province with four zeros, and the fund line. It is read and not kept."
)


class ImportForm(forms.Form):
    """A message of the bank, and whose accounts it is about."""

    message = UploadField(label=gettext_lazy("message of the bank: camt.053 or camt.054, XML"))
    accounts = UploadField(label=gettext_lazy("fiscal accounts"), help_text=_ACCOUNTS_HELP)


class PayForm(forms.Form):
    """Accounts out of which, and into which, cleared notices are to be paid."""

    accounts = UploadField(label=gettext_lazy("fiscal accounts"), help_text=_ACCOUNTS_HELP)
    initiator = forms.CharField(
        label=gettext_lazy("who asks the bank"),
        max_length=limits.PARTY_NAME_CHARS_MAX,
        initial="medsettle",
    )


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def shown(request: HttpRequest) -> HttpResponse:
    """Show what the bank was asked for and what it told; ask it for more, or take a message in."""
    acts = [
        Act("import", gettext_lazy("Import a message of the bank"), _imported, ImportForm),
        Act(
            "pay",
            gettext_lazy("Write payment files"),
            _paid,
            PayForm,
            right=Right.APPROVE,
            more=gettext_lazy(
                "What is open of cleared notices, as ISO 20022 pain.001. A notice is in one file "
                "until the bank has executed or refused it."
            ),
        ),
    ]
    was_done, offered = done(request, acts)
    if was_done:
        return redirect("clearing-bank")
    size = limits.CONSOLE_ROWS_SHOWN
    with months() as store:
        told, files, left, payable = [], [], {}, []
        if store is not None:
            told = told_statements(store, most=size)
            files = payment_files(store)
            left = under_way_fen(store)
            payable = notices_wanted(
                store, Wanted(statuses=(Status.CLEARED,)), after=0, most=size + 1
            )
    context = {
        "title": _("Bank"),
        "part": "bank",
        "offers": offered,
        "statements": [(each, moment_of(each.time_us)) for each in told],
        "files": files,
        "under_way": len(left),
        "under_way_fen": sum(left.values()),
        "waiting": sum(each.number not in left for each in payable),
        "waiting_more": len(payable) > size,
    }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_bank.html", context, status=status)


def _imported(given: dict[str, Any], by: By) -> str:
    accounts, message = given["accounts"], given["message"]
    known = accounts_of(accounts.read(), told_name(accounts))
    with months_there() as store:
        found = match(
            *(store, message.read(), known),
            name=told_name(message),
            who=by.who,
            moment=by.moment,
        )
    words = {"booked": len(found.matched) - len(found.listed), "listed": len(found.listed)}
    if found.repeated:
        return _("It was imported before: %(booked)d lines were booked, %(listed)d listed.") % words
    return _("%(booked)d lines are booked, %(listed)d are listed and wait for somebody.") % words


def _paid(given: dict[str, Any], by: By) -> str:
    accounts = given["accounts"]
    known = accounts_of(accounts.read(), told_name(accounts))
    with months_there() as store:
        files = pay(
            *(store, known, work_folder() / _PAYMENTS),
            initiator=given["initiator"],
            moment=by.moment,
            today=by.today,
        )
        waiting = without_account(store, known)
    words = {"files": len(files), "payments": sum(each.payments for each in files),
             "waiting": len(waiting)}  # fmt: skip
    if not files:
        told = _("Nothing can be paid: %(waiting)d notices wait for an account.") % words
    else:
        told = (
            _(
                "%(files)d files ask for %(payments)d payments; "
                "%(waiting)d notices wait for an account."
            )
            % words
        )
    parties = sorted(
        {(each.pooling_area, each.token) for _notice, lacking in waiting for each in lacking}
    )
    if not parties:
        return told
    named = [f"{area} {fund_line_word(line)}" for area, line in parties[:_MISSING_SHOWN]]
    if len(parties) > len(named):
        named.append("…")
    return told + " " + _("Accounts that are missing: %s.") % "; ".join(named)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def statement(request: HttpRequest, number: int) -> HttpResponse:
    """Show a message of the bank line by line, with what became of each."""
    begin = position(request, "after") or 0
    size = limits.CONSOLE_ROWS_SHOWN
    with months_there() as store:
        found = told_statement(store, number)
        lines = told_lines(store, number, after=begin, most=size + 1)
    context = {
        "title": _("Bank statement %s") % found.statement,
        "part": "bank",
        "found": found,
        "when": moment_of(found.time_us),
        "lines": [(each, FINDING_WORDS[each.finding]) for each in lines[:size]],
        "more": lines[size - 1].place if len(lines) > size else None,
        "begun": bool(begin),
    }
    return render(request, "console/clearing_statement_of_bank.html", context)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def statement_file(request: HttpRequest, number: int, ending: str) -> HttpResponse:
    """Return what became of each line of a message of the bank, as a file."""
    del request
    most = limits.CONSOLE_FILE_ROWS_MAX
    with months_there() as store:
        found = told_statement(store, number)
        lines = told_lines(store, number, most=most + 1)
    if ending not in {"xlsx", "csv", "parquet"} or not lines:
        raise NotFound(f"there is nothing to write to {number}.{ending}")
    columns = {
        name: pa.array([_cell(each, name) for each in lines], _LINE_TYPES.get(name, pa.string()))
        for name in (each.name for each in fields(ToldLine))
    }
    table = pa.table(columns)
    about = [("account", found.account), ("message", found.message), ("imported by", found.who)]
    return download(file_of(table, ending, about), f"bank-{number}.{ending}")


def _cell(line: ToldLine, name: str) -> Any:  # noqa: ANN401 - whatever a line has
    """Return a cell of a line; a text that says nothing is not there."""
    value = getattr(line, name)
    return str(value) or None if isinstance(value, str) else value


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def file(request: HttpRequest, number: int) -> HttpResponse:
    """Return a payment file as it was recorded."""
    del request
    with months_there() as store:
        name, content = payment_file(store, number)
    return download(content, name)


urls = [
    path("bank", shown, name="clearing-bank"),
    path(
        "bank/statements/<place:number>.<str:ending>",
        statement_file,
        name="clearing-bank-lines",
    ),
    path("bank/statements/<place:number>", statement, name="clearing-bank-statement"),
    path("bank/files/<place:number>.xml", file, name="clearing-bank-file"),
]
