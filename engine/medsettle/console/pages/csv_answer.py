"""A table as a CSV file that a spreadsheet opens: UTF-8 with its mark, no cell run as a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from django.http import StreamingHttpResponse
from django.utils import timezone

_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What a writer of CSV writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_answer(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """Return a download, which is made while it is sent."""
    answer = StreamingHttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Line(), lineterminator="\r\n")
    yield _MARK + writer.writerow([_cell(name) for name in columns])
    for row in rows:
        yield writer.writerow(map(_cell, row))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        moment = timezone.localtime(value) if timezone.is_aware(value) else value
        return moment.isoformat(sep=" ", timespec="milliseconds")
    text = str(value)
    # A number may begin with a sign; a text that does is taken for a formula.
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULAS) else text
