"""What is done about a difference on its page: by whom, in which order, and what is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.clearing.items.item import State
from medsettle.clearing.items.store import ItemStore
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.differences import (
    later,
    scope,
    table,
    unequal_amount,
)
from tests.console.conftest import Day
from tests.console.reconciled import (
    LIST,
    found,
    item_of,
    many,
    numbers,
    post,
    proposed,
    reconciled,
)

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


def test_one_proposes_and_another_approves(client_as: ClientAs, three: Holdings) -> None:
    """The names are those that signed in; the page then says how the record is made."""
    one, two = client_as(Role.CLEARING, name="an"), client_as(Role.CLEARING, name="bo")
    proposed(one)
    plan = item_of(three, 2).plan
    status, content = post(two, 2, "approve", plan=plan, **{"approve-reason": "seen"})
    item = item_of(three, 2)

    assert (200, State.APPROVED, "an", "bo") == (status, item.state, item.proposer, item.approver)
    assert "medsettle reconcile apply 2 --by bo" in content
    assert "pooled fund +10.00" in content


def _seen_by(client: "Client", number: int) -> str:
    """Return what the forms of a page say that was seen."""
    page = client.get(f"{LIST}{number}").content.decode()
    (seen,) = set(re.findall(r'name="seen" value="([^"]*)"', page))
    return str(seen)


@pytest.mark.parametrize("act", ["propose", "hold"])
def test_an_approval_is_not_voided_unseen(client_as: ClientAs, three: Holdings, act: str) -> None:
    """From a page of before it is refused; from one that shows the approval it is done."""
    one, two = client_as(Role.CLEARING, name="an"), client_as(Role.CLEARING, name="bo")
    proposed(one)
    before = _seen_by(one, 2)
    given = {f"{act}-action": "adjust", f"{act}-side": "care", f"{act}-reason": "other"}
    post(two, 2, "approve", plan=item_of(three, 2).plan, **{"approve-reason": "seen"})
    status, content = post(one, 2, act, seen=before, **given)
    assert (400, True) == (status, "is approved now and not as you saw it" in content)
    assert State.APPROVED is item_of(three, 2).state
    assert 200 == post(one, 2, act, seen=_seen_by(one, 2), **given)[0]
    assert State.APPROVED is not item_of(three, 2).state


def test_nobody_approves_what_they_proposed(client_as: ClientAs, three: Holdings) -> None:
    """The page asks for another person, and what is sent all the same is refused in words."""
    client = client_as(Role.CLEARING, name="an")
    _, content = proposed(client)
    plan = item_of(three, 2).plan
    status, refused = post(client, 2, "approve", plan=plan, **{"approve-reason": "seen"})

    assert "You proposed this, so another person has to approve it" in content
    assert "approve-reason" not in content
    assert 400 == status
    assert "was proposed by an, who cannot approve it too; ask another person" in refused
    assert State.PROPOSED is item_of(three, 2).state


def test_the_very_plan_is_approved_that_was_seen(client_as: ClientAs, three: Holdings) -> None:
    """Proposed otherwise meanwhile, the approval is refused."""
    one, two = client_as(Role.CLEARING, name="an"), client_as(Role.CLEARING, name="bo")
    proposed(one)
    seen = item_of(three, 2).plan
    proposed(one, side="care")
    status, refused = post(two, 2, "approve", plan=seen, **{"approve-reason": "seen"})

    assert (400, State.PROPOSED) == (status, item_of(three, 2).state)
    assert f"&#x27;{seen}&#x27; was to be approved" in refused


def test_which_book_is_wrong_has_to_be_said(client_as: ClientAs, three: Holdings) -> None:
    """The fault stands beside the field, and what was filled in is still there."""
    status, content = proposed(client_as(Role.CLEARING), side="")

    assert 400 == status
    said = "Name the book for “adjust the amounts”; possible: place of care, place of insurance."
    assert said in content
    assert "the only one in question" not in content
    assert 'value="misread"' in content


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (500, 200), (501, 400)])
def test_a_reason_has_a_length(
    client_as: ClientAs, three: Holdings, count: int, status: int
) -> None:
    """One character to as many as the store keeps."""
    given = {"hold-reason": "x" * count}

    assert status == post(client_as(Role.CLEARING), 1, "hold", **given)[0]


def test_a_name_that_is_no_code_is_told(client_as: ClientAs, three: Holdings) -> None:
    """The store keeps codes; whoever administers the console can help."""
    status, content = proposed(client_as(Role.CLEARING, name="陈"))

    assert (400, State.OPEN) == (status, item_of(three, 2).state)
    assert "Your name is no code" in content


def test_what_changes_no_book_is_noted_here(client_as: ClientAs, three: Holdings) -> None:
    """A write-off that two agreed upon ends the difference; a record is never noted."""
    one, two = client_as(Role.CLEARING, name="an"), client_as(Role.CLEARING, name="bo")
    given = {"propose-action": "write_off", "propose-reason": "a few fen"}
    post(one, 3, "propose", **given)
    post(two, 3, "approve", plan=item_of(three, 3).plan, **{"approve-reason": "agreed"})
    status, content = post(one, 3, "apply")
    proposed(one)
    post(two, 2, "approve", plan=item_of(three, 2).plan, **{"approve-reason": "agreed"})
    refused, told = post(one, 2, "apply")

    assert (200, State.APPLIED) == (status, item_of(three, 3).state)
    assert "it is settled by the decision" in content
    assert (400, State.APPROVED) == (refused, item_of(three, 2).state)
    assert "takes a record to adjust" in told


def test_what_a_later_run_does_not_find_is_closed(client_as: ClientAs, three: Holdings) -> None:
    """And nothing more can be proposed about it; found again, it opens by itself."""
    client = client_as(Role.CLEARING)
    with ItemStore(three.place.clearing) as store:
        store.record_run(scope(), table(unequal_amount("S3", 65_000)), 11, later(1))
    closed = client.get(f"{LIST}2").content.decode()
    status, refused = proposed(client)
    with ItemStore(three.place.clearing) as store:
        store.record_run(scope(), table(*found()), 9, later(2))
    reopened = client.get(f"{LIST}2").content.decode()

    assert "so the books agree" in closed
    assert 400 == status
    assert "is closed" in refused
    assert "opened again: found although it had ended" in reopened


def test_comments_and_assignments_are_in_the_history(client_as: ClientAs, three: Holdings) -> None:
    """With who said so; the store of items knows nothing of them."""
    client = client_as(Role.CLEARING, name="wu")
    post(client, 1, "assign", **{"assign-to": "wu"})
    _, content = post(client, 1, "comment", **{"comment-said": "asked <the> hospital"})
    with ItemStore(three.place.clearing) as store:
        events = len(store.events(1))

    assert "asked &lt;the&gt; hospital" in content
    assert 1 == events
    assert "<dd>wu</dd>" in content


def test_only_who_reconciles_is_assigned(client_as: ClientAs, three: Holdings) -> None:
    """One by one and together; an actuary looks into nothing."""
    client_as(Role.ACTUARY, name="actuary")
    client = client_as(Role.CLEARING, name="wu")
    one, _ = post(client, 1, "assign", **{"assign-to": "actuary"})
    many_of = client.post(f"{LIST}assign", {"item": [1, 2], "to": "actuary"}, follow=True)

    assert 400 == one
    assert "“actuary” may not look into differences" in many_of.content.decode()
    assert [] == numbers(client, assignee="wu")


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "Choose 1 to 50 differences"),
        (1, "1 difference assigned."),
        (50, "50 differences assigned."),
        (51, "Choose 1 to 50 differences"),
    ],
)
def test_as_many_are_assigned_together_as_a_part_has(
    client_as: ClientAs, day: Day, tmp_path: Path, count: int, told: str
) -> None:
    """None and one more are refused; the answer leads back to the list, and nowhere else."""
    client = client_as(Role.CLEARING, name="wu")
    given = {"item": list(range(1, count + 1)), "to": "wu", "next": "https://elsewhere.test/"}
    with reconciled(day, tmp_path, many(51)):
        answer = client.post(f"{LIST}assign", given)
        content = client.get(LIST).content.decode()

    assert LIST == answer.headers["location"]
    assert told in content
