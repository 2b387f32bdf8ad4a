"""The tables of a closed month as files: a workbook, CSV or Parquet, made when asked for."""

import io
from typing import Any, Final

import pyarrow.parquet as pq
from django.http import HttpRequest, HttpResponse
from django.urls import path

from medsettle import limits
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.table_checks import refuse_unequal
from medsettle.clearing.months.tables import TableName, checked, table
from medsettle.clearing.statements.cells import cells_of, normal_table, stated_columns, sums_of
from medsettle.clearing.statements.csv import csv_bytes
from medsettle.clearing.statements.excel import excel_bytes
from medsettle.console.access import page
from medsettle.console.pages.clearing_figures import lines_of, tables_of
from medsettle.console.pages.clearing_stores import months_there
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.identity.roles import Right

_TYPES: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xml": "application/xml",
    "zip": "application/zip",
}


def download(content: bytes, name: str) -> HttpResponse:
    """Return a file that the browser saves under a name of ours."""
    kind = _TYPES[name.rpartition(".")[2]]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=kind, headers=headers)


def file_of(found: Any, ending: str, about: list[tuple[str, str]]) -> bytes:  # noqa: ANN401 - Arrow
    """Return an Arrow table as the bytes of a file.

    Args:
        found: The table.
        ending: `xlsx`, `csv` or `parquet`.
        about: What the cover of a workbook says.

    Raises:
        InvalidRequest: It has more rows than a workbook or CSV file may have.
    """
    if ending == "parquet":
        sink = io.BytesIO()
        pq.write_table(found, sink, compression="zstd")
        return sink.getvalue()
    if found.num_rows > limits.CONSOLE_FILE_ROWS_MAX:
        most = f"{limits.CONSOLE_FILE_ROWS_MAX:,}"
        text = f"has {found.num_rows:,} rows, and a file of this kind at most {most}; take parquet"
        raise InvalidRequest([Fault("table", text)])
    columns = stated_columns(found.schema)
    rows = cells_of(normal_table(found, columns), columns)
    if ending == "csv":
        return csv_bytes(columns, rows)
    sums = [
        (f"sum of {name}", plain_yuan(int(fen))) for name, fen in sums_of(rows, columns).items()
    ]
    return excel_bytes([*about, ("rows", str(len(rows))), *sums], columns, rows)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def table_file(request: HttpRequest, month: str, table_name: str, ending: str) -> HttpResponse:
    """Return a table of a closed month, after its figures were checked."""
    del request
    named = Month.of(month)
    if table_name not in set(TableName) or ending not in {"xlsx", "csv", "parquet"}:
        raise NotFound(f"there is no table {table_name}.{ending}")
    with months_there() as store:
        closed = store.closed(named)
        with tables_of(store, closed) as connection:
            refuse_unequal(lines_of(store, closed), checked(connection))
            found = table(connection, table_name)
    about = [("table", table_name), ("month", named.text), ("lines", closed.lines_sha256)]
    return download(file_of(found, ending, about), f"{table_name}-{named.text}.{ending}")


urls = [
    path(
        "months/<str:month>/tables/<str:table_name>.<str:ending>",
        table_file,
        name="clearing-table",
    ),
]
