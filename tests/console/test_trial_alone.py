"""What a trial tells somebody of an institution: what a claim comes to, nothing that was before."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from medsettle.cli.local_desk import engine_at
from medsettle.core.settlement import Opening
from medsettle.identity.roles import Role

from tests.console.conftest import AREA, Day, looking_at
from tests.console.test_trial import _cards, _form, _line

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_COUNTED = (("310.admissions", 1), ("310.pooled_paid", 9_039_500), ("310.funds_paid", 9_039_500))
_TOLD = re.compile(r"[^.;]*(?:\bbefore\b|balance|limit was|left of|此前)[^.;]*")


def test_what_was_before_is_told_to_who_sees_persons_alone(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """Of 10,000.00 the later deductible of 650.00 stays; the account holds 43.21."""
    counters = tuple((name, 2026, value) for name, value in _COUNTED)
    with engine_at(tmp_path / "data", day.rules) as engine:
        engine.open_person(Opening("H11000000009", "O-1", AREA, "ELSEWHERE", 4_321, counters))
    form = _form(_line(), person="ELSEWHERE")
    with looking_at(day.place(tmp_path / "data")):
        ours = client_as(Role.ADMINISTRATOR).post("/trial/", form).content.decode()
        client = client_as(Role.INSTITUTION, "H11000000001")
        theirs = client.post("/trial/", form).content.decode()
    sentences = theirs[theirs.index("Why each pays what") : theirs.index("Fill in an example")]

    assert ["10,000.00", "7,947.50", "43.21", "2,009.29"] == _cards(ours) == _cards(theirs)
    for told in ("(1 before)", "pooled_paid before 90,395.00", "the balance was 43.21"):
        assert told in ours
        assert told not in theirs
    assert "90,395.00" not in theirs
    assert [] == _TOLD.findall(sentences)
    assert "650.00 deductible; 9,350.00 at 85%" in theirs


def test_who_may_not_see_persons_tries_a_stranger_s_claim(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """Nobody's account pays, and the deductible is that of a first stay; no number is shown."""
    counters = tuple((name, 2026, value) for name, value in _COUNTED)
    with engine_at(tmp_path / "data", day.rules) as engine:
        engine.open_person(Opening("H11000000009", "O-1", AREA, "ELSEWHERE", 4_321, counters))
    form = _form(_line(), person="ELSEWHERE")
    with looking_at(day.place(tmp_path / "data")):
        for role in (Role.POLICY_OFFICER, Role.ACTUARY):
            page = client_as(role).post("/trial/", form).content.decode()

            assert ["10,000.00", "7,395.00", "0.00", "2,605.00"] == _cards(page)
            assert "1,300.00 deductible" in page
            assert "43.21" not in page


def test_a_recorded_claim_fills_the_form_of_who_may_look_alone(
    client_as: ClientAs, day: Day
) -> None:
    """Who reads policies tries claims, and gets as little of a recorded one as of its page."""
    settlement = day.settled[0].columns
    filled = f"/trial/?settlement={settlement['settlement']}"
    clerk = client_as(Role.POLICY_OFFICER)
    page, form = clerk.get(f"/settlements/{settlement['settlement']}"), clerk.get(filled)
    other = client_as(Role.INSTITUTION, "H99999999999").get(filled)

    assert (403, 403, 200) == (page.status_code, form.status_code, clerk.get("/trial/").status_code)
    assert str(settlement["person"]) not in form.content.decode()
    assert 404 == other.status_code
    assert 200 == client_as(Role.ACTUARY).get(filled).status_code


def test_whose_claim_filled_the_form_is_written_down(client_as: ClientAs, day: Day) -> None:
    """As a look at that settlement, also where it was refused."""
    from medsettle.console.models import Access  # noqa: PLC0415 - set up first

    settlement = str(day.settled[0].columns["settlement"])
    client_as(Role.ACTUARY, name="A").get(f"/trial/?settlement={settlement}")
    client_as(Role.POLICY_OFFICER, name="B").get(f"/trial/?settlement={settlement}")
    log = [(each.account, each.page, each.subject, each.status) for each in Access.objects.all()]

    assert {("A", "trial", settlement, 200), ("B", "trial", settlement, 403)} == set(log)
