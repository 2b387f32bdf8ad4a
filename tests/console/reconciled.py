"""A clearing folder with differences written by hand, and a page that shows them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsettle.clearing.items.item import Item
from medsettle.clearing.items.store import ItemStore
from medsettle.console.place import Holdings, Place

from tests.clearing.differences import MOMENT, only_care, scope, table, unequal_amount
from tests.console.conftest import Day, looking_at

if TYPE_CHECKING:
    from django.test import Client

LIST = "/reconciliation/differences/"
"""The address of the list of differences."""


def found() -> list[dict[str, Any]]:
    """Return three differences: care alone has one, and the amounts of two differ."""
    return [only_care("S1"), unequal_amount("S2"), unequal_amount("S3", 65_000)]


def place_of(day: Day, folder: Path) -> Place:
    """Return the day with a clearing folder and a state of its own."""
    return replace(day.place(), data=folder, clearing=folder / "clearing", state=folder / "console")


@contextmanager
def reconciled(day: Day, folder: Path, rows: list[dict[str, Any]]) -> Iterator[Holdings]:
    """Let pages look at a place where one run of a day found differences."""
    where = place_of(day, folder)
    with ItemStore(where.clearing) as store:
        store.record_run(scope(), table(*rows), 9, MOMENT)
    with looking_at(where) as holdings:
        yield holdings


def many(count: int) -> list[dict[str, Any]]:
    """Return as many differences of class 1, whose numbers are in the order of their ids."""
    return [only_care(f"S{number:04}") for number in range(1, count + 1)]


def numbers(client: "Client", **asked: str | int) -> list[int]:
    """Return the numbers of the differences that a list has, from above."""
    content = client.get(LIST, asked).content.decode()
    return [
        int(each) for each in re.findall(r'<a href="/reconciliation/differences/(\d+)[?"]', content)
    ]


def post(client: "Client", number: int, act: str, **given: object) -> tuple[int, str]:
    """Do something about a difference, and return the answer's status and what it says."""
    answer = client.post(f"{LIST}{number}/{act}", given, follow=True)
    return answer.status_code, answer.content.decode()


def proposed(client: "Client", number: int = 2, side: str = "insured") -> tuple[int, str]:
    """Propose to adjust a difference in the book of a side."""
    given = {"propose-action": "adjust", "propose-side": side, "propose-reason": "misread"}
    return post(client, number, "propose", **given)


def item_of(three: Holdings, number: int) -> Item:
    """Return a difference as it is now, read without the console."""
    with ItemStore(three.place.clearing) as store:
        return store.item(str(number))
