"""Reconciliation on pages: lists, one difference, what is done about it, and who may."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.clearing.items.item import State
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.differences import (
    MOMENT,
    book_row,
    difference,
    later,
    scope,
    table,
    unequal_amount,
)
from tests.console.conftest import Day, looking_at
from tests.console.reconciled import (
    LIST,
    item_of,
    many,
    numbers,
    place_of,
    post,
    proposed,
    reconciled,
)

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.ACTUARY, Role.POLICY_OFFICER, Role.INSTITUTION])
def test_others_learn_nothing_of_differences(
    client_as: ClientAs, three: Holdings, role: Role
) -> None:
    """Neither of one that is there nor of one that is not, nor may they begin a run."""
    client = client_as(role, "H1" if role is Role.INSTITUTION else "")
    paths = ["", "differences/", "differences/1", "differences/99", "differences/1/evidence"]
    paths += ["runs/", "runs/1", "runs/begin", "runs/begun/none"]
    answers = {client.get(f"/reconciliation/{each}").status_code for each in paths}
    acts = ("propose", "approve", "hold", "apply", "assign", "comment")
    posts = {client.post(f"{LIST}1/{act}").status_code for act in acts}

    assert ({403}, {403}) == (answers, posts)
    assert State.OPEN is item_of(three, 1).state


def test_an_auditor_looks_and_does_nothing(client_as: ClientAs, three: Holdings) -> None:
    """No page has a form that changes something, and one that is sent all the same is refused."""
    auditor = client_as(Role.AUDITOR)
    for path in ("", "differences/", "differences/1", "runs/", "runs/1"):
        page = auditor.get(f"/reconciliation/{path}")
        assert 200 == page.status_code
        content = page.content.decode().partition("<main")[2]
        assert 'method="post"' not in content
        assert "runs/begin" not in content
    assert 200 == auditor.get("/reconciliation/differences/1/evidence").status_code
    acts = [f"differences/1/{act}" for act in ("propose", "approve", "hold", "apply", "comment")]
    for act in (*acts, "differences/1/assign", "differences/assign", "runs/begin"):
        assert 403 == auditor.post(f"/reconciliation/{act}").status_code
    assert 403 == auditor.get("/reconciliation/runs/begin").status_code
    assert State.OPEN is item_of(three, 1).state


def test_nothing_reconciled_yet_is_told_and_makes_no_store(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """Every list says so; a difference is not there."""
    client = client_as(Role.CLEARING)
    with looking_at(place_of(day, tmp_path)):
        answers = [client.get(f"/reconciliation/{each}") for each in ("", "differences/", "runs/")]
        missing = client.get(f"{LIST}1")

    assert [200, 200, 200] == [each.status_code for each in answers]
    assert "No books have been compared yet" in answers[0].content.decode()
    assert 404 == missing.status_code
    assert not (tmp_path / "clearing").exists()


# --- lists -------------------------------------------------------------------------------------


def test_the_list_is_read_in_parts(client_as: ClientAs, day: Day, tmp_path: Path) -> None:
    """Older to the end and newer again: each once, the newest first."""
    client, size = client_as(Role.CLEARING), limits.CONSOLE_ROWS_SHOWN
    count = 2 * size + 1
    with reconciled(day, tmp_path, many(count)):
        first = numbers(client)
        second = numbers(client, before=first[-1])
        third = numbers(client, before=second[-1])
        again = numbers(client, after=third[0])
        top = client.get(LIST, {"after": second[0]}).content.decode()
        end = client.get(LIST, {"before": second[-1]}).content.decode()

    assert list(range(count, 0, -1)) == first + second + third
    assert second == again
    assert ('rel="prev"' in top, 'rel="next"' in top) == (False, True)
    assert ('rel="prev"' in end, 'rel="next"' in end) == (True, False)


def test_a_list_has_what_it_is_narrowed_to(client_as: ClientAs, three: Holdings) -> None:
    """By class, run, whose turn, partners, age, and who looks into it; and what is no filter."""
    client = client_as(Role.CLEARING, name="wu")
    client.post(f"{LIST}assign", {"item": [1, 3], "to": "wu"})

    assert [3, 2] == numbers(client, of_class=5)
    assert [1] == numbers(client, owner="care")
    assert [3, 2, 1] == numbers(client, run=1, reconciliation="a-with-b", band=4)
    # 700, 50 and 10 yuan are at risk.
    assert [1, 3, 2] == numbers(client, order="risk")
    assert [2] == numbers(client, order="risk", before=3)
    assert [1] == numbers(client, order="risk", after=3)
    assert [] == numbers(client, run=2)
    assert [] == numbers(client, band=0)
    assert [3, 1] == numbers(client, assignee="wu")
    assert [2] == numbers(client, assignee="-")
    wrong = client.get(LIST, {"of_class": "15", "run": "x"}).content.decode()
    assert 2 == wrong.count('class="errorlist"')


def test_a_list_has_what_waits_for_whom(client_as: ClientAs, three: Holdings) -> None:
    """Proposed, waiting for approval, on hold, overdue: each state by its name."""
    client = client_as(Role.CLEARING)
    proposed(client)
    post(client, 3, "hold", **{"hold-reason": "ask the hospital"})

    assert [2] == numbers(client, standing="to_approve")
    assert [3] == numbers(client, standing="held")
    assert [1] == numbers(client, standing="open")
    assert [3, 2, 1] == numbers(client, standing="overdue")
    assert [] == numbers(client, standing="ended")


@pytest.mark.parametrize(("asked", "number"), [("S2", 2), ("3", 3)])
def test_a_difference_is_found_by_settlement_or_number(
    client_as: ClientAs, three: Holdings, asked: str, number: int
) -> None:
    """The search leads to the page of the only one."""
    answer = client_as(Role.CLEARING).get(LIST, {"q": asked})

    assert (302, f"{LIST}{number}") == (answer.status_code, answer.headers["location"])


@pytest.mark.parametrize("asked", ["<b>", "0", "9" * 30, "S4"])
def test_what_is_not_found_is_named(client_as: ClientAs, three: Holdings, asked: str) -> None:
    """As it was asked for, and never as markup."""
    answer = client_as(Role.CLEARING).get(LIST, {"q": asked})

    assert 404 == answer.status_code
    assert "No difference has the number" in answer.content.decode()
    assert "“<b>" not in answer.content.decode()


def test_ages_are_counted_by_class(client_as: ClientAs, three: Holdings) -> None:
    """The table beside the picture has a number, with a link, for each class and age."""
    content = client_as(Role.CLEARING).get("/reconciliation/").content.decode()

    assert f'<a href="{LIST}?of_class=5&amp;band=4">2</a>' in content
    assert f'<a href="{LIST}?of_class=1&amp;band=4">1</a>' in content
    # 700.00, 10.00 and 50.00 yuan are at risk.
    assert "760.00" in content


# --- one difference ----------------------------------------------------------------------------


def test_rows_stand_side_by_side_with_what_differs_marked(
    client_as: ClientAs, three: Holdings
) -> None:
    """Of difference 2 the pool pays 700 and 710 yuan; funds, cash and the person's part follow."""
    content = client_as(Role.CLEARING).get(f"{LIST}2").content.decode()
    marked = re.findall(r'<td class="[^"]*differs">([^<]+)</td>', content)

    assert sorted(["700.00", "710.00"] * 2 + ["300.00", "290.00"] * 2) == sorted(marked)
    assert 4 == content.count("≠ ")
    assert "2026-04-03" in content


def test_a_book_without_a_row_says_so(client_as: ClientAs, three: Holdings) -> None:
    """Of difference 1 the place of insurance has nothing."""
    content = client_as(Role.CLEARING).get(f"{LIST}1").content.decode()

    assert 1 == content.count("This book has no row of it.")


def test_a_repeat_that_all_books_have_says_so(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """Its rows are those of one book."""
    twice = {Side.INSURED: [book_row("S2"), book_row("S3")]}
    repeat = difference(DifferenceClass.DUPLICATE, twice, held_by=["insured", "care"])
    client = client_as(Role.CLEARING)
    with reconciled(day, tmp_path, [repeat | {"missing_at": []}]):
        content = client.get(f"{LIST}1").content.decode()

    assert 1 == content.count("This book has the same.")
    assert "This book has no row of it." not in content
    assert "place of insurance 2" in content


def test_one_works_through_a_list(client_as: ClientAs, three: Holdings) -> None:
    """Next and previous are those of the list as it was narrowed, also after something is done."""
    client, of_five = client_as(Role.CLEARING), "?of_class=5"
    listed = client.get(f"{LIST}{of_five}").content.decode()
    first = client.get(f"{LIST}3{of_five}").content.decode()
    given = {"hold-reason": "ask"}
    done = client.post(f"{LIST}3/hold{of_five}", given).headers["location"]
    last = client.get(f"{LIST}2{of_five}").content.decode()

    assert f'href="{LIST}3{of_five}"' in listed
    assert f'href="{LIST}2{of_five}" rel="next"' in first
    assert 'rel="prev"' not in first
    assert f"{LIST}3{of_five}" == done
    assert f'href="{LIST}3{of_five}" rel="prev"' in last
    assert 'rel="next"' not in last


@pytest.mark.parametrize("path", ["99", "99/evidence", "9999999999999999999", "0", "x"])
def test_a_difference_that_is_none_is_not_found(
    client_as: ClientAs, three: Holdings, path: str
) -> None:
    """Also a number beyond what a store can hold."""
    assert 404 == client_as(Role.CLEARING).get(f"{LIST}{path}").status_code


def test_evidence_is_what_the_command_writes(client_as: ClientAs, three: Holdings) -> None:
    """Both files, with both rows and what differs."""
    answer = client_as(Role.CLEARING).get(f"{LIST}2/evidence")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names, body = archive.namelist(), json.loads(archive.read("evidence.json"))

    assert ["evidence.json", "evidence.txt"] == names
    assert ["insured", "care"] == [each["book"] for each in body["rows"]]
    assert 'filename="evidence-2.zip"' in answer.headers["content-disposition"]


# --- runs --------------------------------------------------------------------------------------


def test_a_run_says_what_differs_by_class_and_fund(client_as: ClientAs, three: Holdings) -> None:
    """Of 700 and 650 + 710 + 700 yuan of the pool, as each book has them."""
    content = client_as(Role.CLEARING).get("/reconciliation/runs/1").content.decode()
    row = re.search(r"<th scope=\"row\">pooled fund</th>(.*?)</tr>", content)

    assert row
    # Insurance: S2 and S3, 700 each. Care: S1 700, S2 710, S3 650.
    assert ["1,400.00", "2,060.00", "660.00"] == re.findall(r">([\d,.]+)</td>", row[1])
    assert ">9<" in content


def test_a_superseded_run_names_the_one_that_stands(client_as: ClientAs, three: Holdings) -> None:
    """In the list and on its own page."""
    with ItemStore(three.place.clearing) as store:
        store.record_run(scope(), table(unequal_amount("S3")), 11, later(1))
    client = client_as(Role.CLEARING)

    assert "run 2 instead" in client.get("/reconciliation/runs/").content.decode()
    shown = client.get("/reconciliation/runs/1").content.decode()
    assert "Another run of these days stands instead" in shown
    assert Action.ADJUST is item_of(three, 3).action
    assert MOMENT < later(1)
