"""Positions, numbers and days as the address of a page has them: only those that could be."""

import re
from datetime import date
from typing import Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest
from django.urls import register_converter

from medsettle import limits

# So many digits that an int64 holds every such number.
_NUMBER: Final = re.compile(r"[0-9]{1,18}")

DAYS: Final = (
    MinValueValidator(date(limits.SERVICE_YEAR_MIN, 1, 1)),
    MaxValueValidator(date(limits.SERVICE_YEAR_MAX, 12, 31)),
)
"""What a field of a day checks where moments are reckoned from it."""


class _Place:
    """A number in an address, so small that every store holds it."""

    regex = _NUMBER.pattern

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(_Place, "place")


def whole(text: str) -> int | None:
    """Return the number of a text; None where it is none, or none that could be.

    >>> whole("12"), whole("-1"), whole("9" * 5000)
    (12, None, None)
    """
    return int(text) if _NUMBER.fullmatch(text) else None


def position(request: HttpRequest, name: str) -> int | None:
    """Return a position of the address; None where there is none, or none that could be."""
    return whole(request.GET.get(name, ""))
