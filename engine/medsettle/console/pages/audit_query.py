"""A query of an auditor over the audit tables, and its answer as a table or as CSV.

It is asked by the address, so that the log of who looked at what has it.
"""

from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.audit.segments import AUDIT_TABLES, PARTITION_COLUMNS
from medsettle.console.access import page
from medsettle.console.asking import Answer, ask
from medsettle.console.pages.csv_answer import csv_answer
from medsettle.console.place import holdings
from medsettle.console.templatetags.console import yuan
from medsettle.errors import InvalidRequest
from medsettle.identity.roles import Right

_SHOWN: Final = 100
_CELL_CHARS: Final = 200
_EXAMPLE: Final = """select pooling_area, service_month, kind, count(*) as settlements,
       sum(total_fen)::bigint as total_fen, sum(fund_total_fen)::bigint as funds_fen
from settlements
group by all order by all"""


@page(Right.AUDIT)
def asked(request: HttpRequest) -> HttpResponseBase:
    """Show the box, and the answer to what was asked."""
    sql = request.GET.get("sql", "").strip()
    answer, faults = (None, []) if not sql else _answer(sql)
    if answer is not None and request.GET.get("as") == "csv":
        return csv_answer("query.csv", answer.columns, answer.rows)
    context = {
        "title": _("Query the audit tables"),
        "sql": sql or _EXAMPLE,
        "asked": bool(sql),
        "faults": faults,
        "answer": answer and _shown(answer),
        "tables": [
            (name, [*(column.name for column in columns), *PARTITION_COLUMNS])
            for name, columns in AUDIT_TABLES.items()
        ],
        "seconds": limits.CONSOLE_QUERY_SECONDS_MAX,
        "rows_most": limits.CONSOLE_QUERY_ROWS_MAX,
        "chars_most": limits.CONSOLE_QUERY_CHARS_MAX,
    }
    return render(request, "console/audit_query.html", context, status=400 if faults else 200)


def _answer(sql: str) -> tuple[Answer | None, list[str]]:
    """Return the answer, or what is wrong with the query."""
    try:
        return ask(holdings().place.audit, sql), []
    except InvalidRequest as error:
        return None, [fault.message for fault in error.faults]


def _shown(answer: Answer) -> dict[str, Any]:
    """Return what of an answer stands on the page: the first rows, and no cell without end."""
    in_fen = [name.endswith("_fen") for name in answer.columns]
    first = answer.rows[0] if answer.rows else (None,) * len(in_fen)
    numbers = [fen or _is_number(value) for fen, value in zip(in_fen, first, strict=True)]
    return {
        "columns": list(zip(answer.columns, numbers, strict=True)),
        "rows": [
            [
                (yuan(value) if fen and isinstance(value, int) else _text(value), number)
                for value, fen, number in zip(row, in_fen, numbers, strict=True)
            ]
            for row in answer.rows[:_SHOWN]
        ],
        "count": len(answer.rows),
        "shown": min(len(answer.rows), _SHOWN),
        "cut": answer.cut,
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL_CHARS else f"{text[:_CELL_CHARS]}…"


urls = [path("query/", asked, name="audit-query")]
