"""The cardholder's slip: one page that explains a settlement to whoever was treated."""

import re
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from medsettle import limits
from medsettle.console.access import account_of, page
from medsettle.console.pages.settlements import explained, seen, taken_back_by, what_is_left
from medsettle.console.place import holdings
from medsettle.core import codes
from medsettle.core.settlement import Explanation, Settlement
from medsettle.identity.roles import Right

_KEYWORDS: Final = re.compile(r"仅适用于[^“。]*“[^。]*[A-Za-z][^。]*”")
_MARKS: Final = {",": "，", ":": "：", ";": "；"}
_HALF_WIDTH: Final = re.compile(r"(?<=[一-鿿%”）])([,:;])\s*(?=[一-鿿“（])")


@page(Right.LOOK)
def shown(request: HttpRequest, settlement: str) -> HttpResponse:
    """Show the slip of a settlement, in Chinese whatever the language of the console.

    It is laid out for one sheet of A4: the lines with most money stand by themselves.
    """
    with holdings().engine(faulty=True) as engine:
        found = seen(engine, settlement, account_of(request))
        known = [
            each
            for each in what_is_left(engine, found)
            if each.left_fen is not None and found.columns["visit_type"] in each.visit_types
        ]
        taken_back = taken_back_by(engine, found)
        gives_back = taken_back or found
        context = {
            "title": settlement,
            "columns": found.columns,
            "settlement": found,
            "payers": _payers(found),
            "pots": [(pot.chinese, found.columns[f"{pot.name}_fen"]) for pot in codes.POTS],
            "lines": _lines(found),
            "left": known[: limits.SLIP_LIMITS_SHOWN],
            "back_fen": max(-gives_back.fen("cash_fen"), 0),
            "taken_back": None if taken_back is None else taken_back.columns,
            **explained(engine, settlement),
        }
    explanation = context.get("explanation")
    if isinstance(explanation, Explanation):
        context["sentences"] = [_plain(each.text_zh) for each in explanation.sentences]
    return render(request, "console/slip.html", context)


def _plain(sentence: str) -> str:
    """Return a sentence as a cardholder reads it.

    Classes that a document names by keywords alone mean nothing to one, and marks are Chinese.

    >>> _plain("补充保险不支付：仅适用于身份“supplement”为“yes”，本次为“no”。依据：甲, 乙。")
    '补充保险不支付：本次不适用。依据：甲，乙。'
    """
    return _HALF_WIDTH.sub(lambda mark: _MARKS[mark[1]], _KEYWORDS.sub("本次不适用", sentence))


def _payers(found: Settlement) -> list[tuple[str, int]]:
    """Return what each payer pays of the bill, those that pay nothing left out."""
    named = [(payer.chinese, found.fen(f"{payer.name}_fen")) for payer in codes.PAYERS]
    return [(chinese, fen) for chinese, fen in named if fen]


def _lines(found: Settlement) -> dict[str, Any]:
    """Return the lines with most money, and the sum of the others."""
    amounts = [(int(str(line["amount_fen"])), line) for line in found.lines]
    amounts.sort(key=lambda pair: -abs(pair[0]))
    shown, others = amounts[: limits.SLIP_LINES_SHOWN], amounts[limits.SLIP_LINES_SHOWN :]
    return {
        "shown": [line for _fen, line in shown],
        "others": len(others),
        "others_fen": sum(fen for fen, _line in others),
    }


urls = [path("<str:settlement>/slip", shown, name="slip")]
