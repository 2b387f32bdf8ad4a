"""The list of settlements, the search, and the page of one settlement."""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.console.pages.settlement_list import of_person
from medsettle.console.place import Holdings
from medsettle.core.money import yuan_from_fen
from medsettle.errors import PolicyRejected
from medsettle.identity.roles import Role

from tests.console.conftest import AREA, Day, Window, looking_at

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


def _ids(content: str) -> list[str]:
    return re.findall(r'href="/settlements/([0-9a-f]+)"', content)


def test_the_list_is_read_in_parts_from_the_newest(client_as: ClientAs, day: Day) -> None:
    """Forward to the end and back again: every settlement once, in the order of the ledger."""
    client = client_as(Role.AUDITOR)
    everything = [str(each.columns["settlement"]) for each in (*day.settled, day.cancel)][::-1]
    seen, path = [], "/settlements/"
    while path:
        content = client.get(path).content.decode()
        seen += _ids(content)
        found = re.search(r'href="(\?[^"]*before=\d+[^"]*)" rel="next"', content)
        path = f"/settlements/{found[1]}" if found else ""
    back = re.search(r'href="(\?[^"]*after=\d+[^"]*)" rel="prev"', content)
    assert back
    newer = _ids(client.get(f"/settlements/{back[1]}").content.decode())

    assert everything == seen
    last = len(everything) % limits.CONSOLE_ROWS_SHOWN or limits.CONSOLE_ROWS_SHOWN
    assert everything[-last - limits.CONSOLE_ROWS_SHOWN : -last] == newer


@pytest.mark.parametrize("name", ["settlement", "request_id", "institution_settlement", "person"])
def test_a_settlement_is_found_by_any_of_its_ids(client_as: ClientAs, day: Day, name: str) -> None:
    """By its own id, that of the request, the institution's number, or the person's token."""
    client = client_as(Role.AUDITOR)
    columns = day.settled[5].columns
    asked = str(columns[name])
    found = client.get("/settlements/", {"q": asked}, follow=True).content.decode()

    assert str(columns["settlement"]) in found


@pytest.mark.parametrize(
    ("path", "name"),
    [("/settlements/", "q"), ("/reconciliation/differences/", "q"), ("/audit/", "noted")],
)
def test_a_search_takes_what_is_pasted_whole(client_as: ClientAs, path: str, name: str) -> None:
    """A box that cuts it off would look for something else, and not say so."""
    client = client_as(Role.AUDITOR)
    long = "x" * (limits.PERSON_CHARS_MAX + 1)
    content = client.get(path, {name: long}).content.decode()

    assert "maxlength" not in content.partition('role="search"')[2].partition("</form>")[0]
    assert long in content


def test_nothing_found_says_what_was_looked_for(client_as: ClientAs) -> None:
    """Also of what no id can be."""
    client = client_as(Role.AUDITOR)
    answer = client.get("/settlements/", {"q": "<b>'; drop table"})

    assert 404 == answer.status_code
    assert "Nothing is recorded under “&lt;b&gt;&#x27;; drop table”" in answer.content.decode()


@pytest.mark.parametrize("at", [0, 17, -1])
def test_a_settlement_is_shown_with_every_fen(client_as: ClientAs, day: Day, at: int) -> None:
    """The amounts of the answer stand on the page, and a sentence for each payer."""
    client = client_as(Role.CLEARING)
    settlement = day.settled[at]
    answer = client.get(f"/settlements/{settlement.columns['settlement']}")
    content = answer.content.decode()
    wanted = [settlement.fen("cash_fen"), settlement.fen("total_fen")]
    wanted += [int(str(row["paid_fen"])) for row in settlement.payers]

    assert 200 == answer.status_code
    assert [] == [fen for fen in wanted if f">{yuan_from_fen(fen)}<" not in content]
    assert len(settlement.payers) + 1 == content.count('<p class="clause">')


def test_a_cancel_and_its_original_name_each_other(client_as: ClientAs, day: Day) -> None:
    """Each page has the chain of both."""
    client = client_as(Role.CLEARING)
    original = str(day.settled[-1].columns["settlement"])
    cancel = str(day.cancel.columns["settlement"])

    assert f"/settlements/{cancel}" in client.get(f"/settlements/{original}").content.decode()
    assert f"/settlements/{original}" in client.get(f"/settlements/{cancel}").content.decode()


def test_an_institution_sees_its_own_alone(client_as: ClientAs, day: Day) -> None:
    """Another's settlement is no more there than one that was never made."""
    hospital, pharmacy = f"H{AREA}00001", f"P{AREA}00001"
    theirs = next(each for each in day.settled if each.columns["institution"] == pharmacy)
    client = client_as(Role.INSTITUTION, hospital)
    listed = client.get("/settlements/").content.decode()
    other = client.get(f"/settlements/{theirs.columns['settlement']}")
    never = client.get("/settlements/0123456789")
    sought = [
        client.get("/settlements/", {"q": str(theirs.columns[name])}).status_code
        for name in ("settlement", "request_id", "institution_settlement")
    ]

    assert (True, False) == (hospital in listed, pharmacy in listed)
    assert [404] * 5 == [other.status_code, never.status_code, *sought]
    assert pharmacy not in other.content.decode()


@pytest.mark.parametrize(
    ("size", "page_size"), [(1, 2), (1, 3), (2, 3), (1, 1_000), (2, 1_000), (50, 1_000)]
)
def test_nothing_of_a_person_is_hidden_by_other_institutions(
    looking: Holdings, day: Day, monkeypatch: pytest.MonkeyPatch, size: int, page_size: int
) -> None:
    """The newest that an institution may see, however many of others are newer."""
    monkeypatch.setattr(limits, "CONSOLE_ROWS_SHOWN", size)
    monkeypatch.setattr(limits, "PAGE_SIZE_MAX", page_size)
    everything = [each.columns for each in (*day.settled, day.cancel)][::-1]
    people = sorted({str(columns["person"]) for columns in everything})
    for person, institution in product(people, (f"H{AREA}00001", f"P{AREA}00001", "none", None)):
        wanted = [
            columns["settlement"]
            for columns in everything
            if columns["person"] == person and institution in {None, columns["institution"]}
        ]
        found = [row["settlement"] for row in of_person(looking, person, institution)]
        # One more than is shown says that there are more.
        assert wanted[: size + 1] == found


def test_a_search_says_that_there_are_more_than_it_shows(
    client_as: ClientAs, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many are shown and how to find the others; where all are shown, nothing."""
    people = Counter(str(each.columns["person"]) for each in (*day.settled, day.cancel))
    person, count = people.most_common(1)[0]
    for most in (count - 1, count):
        monkeypatch.setattr(limits, "CONSOLE_ROWS_SHOWN", most)
        answer = client_as(Role.AUDITOR).get("/settlements/", {"q": person})
        content = answer.content.decode()
        said = f"There are more: the newest {most} are shown. To find another, search for its own"

        assert most == len(set(_ids(content)))
        assert (most < count) == (said in content)


@pytest.fixture
def faulty(day: Day, tmp_path: Path, looking: Holdings) -> Iterator[Holdings]:
    """Look at the day while its rules, which were good, have a document with faults."""
    del looking
    rules = tmp_path / "rules"
    shutil.copytree(day.rules, rules)
    with looking_at(replace(day.place(), rules=rules)) as holdings:
        with holdings.engine():
            pass
        (rules / AREA / "faulty.yaml").write_text("what: is\nthis", encoding="utf-8")
        yield holdings


@pytest.mark.parametrize("part", ["", "/slip"])
def test_settlements_are_shown_while_the_rules_have_faults(
    client_as: ClientAs, faulty: Holdings, day: Day, part: str
) -> None:
    """By the rules before them; which faults is told to whoever sees policies, but on no slip."""
    del faulty
    there = f"/settlements/{day.settled[0].columns['settlement']}{part}"
    shown = {role: client_as(role).get(there) for role in (Role.CLEARING, Role.AUDITOR)}

    assert {200} == {each.status_code for each in shown.values()}
    told = ["faulty.yaml" in each.content.decode() for each in shown.values()]
    assert [part == ""] * 2 == told


def test_faults_of_rules_are_told_to_whoever_sees_policies(
    client_as: ClientAs, faulty: Holdings, day: Day
) -> None:
    """Without the folder they lie in; a person and their settlements are found all the same."""
    seen = client_as(Role.AUDITOR).get("/policies/")
    sought = client_as(Role.CLEARING).get(
        "/settlements/", {"q": str(day.settled[0].columns["person"])}, follow=True
    )

    assert 400 == seen.status_code
    assert "faulty.yaml" in seen.content.decode()
    assert str(faulty.place.rules) not in seen.content.decode()
    assert 200 == sought.status_code


def test_faulty_rules_are_read_once(faulty: Holdings) -> None:
    """Until a document changes; then they are read again, and used once they have none."""
    file = faulty.place.rules / AREA / "faulty.yaml"
    first = faulty.rules_fault()
    for _ in range(2):
        with pytest.raises(PolicyRejected), faulty.engine():
            pass
    assert first is not None
    assert faulty.rules_fault() is first
    file.write_text("what: is this now", encoding="utf-8")
    second = faulty.rules_fault()
    assert second is not first
    assert faulty.rules_fault() is second
    with faulty.engine(faulty=True) as engine:
        assert AREA in engine.rulebook.areas
    file.unlink()
    with faulty.engine():
        assert faulty.rules_fault() is None


def test_who_has_not_signed_in_is_sent_to_do_so(client_as: ClientAs, day: Day) -> None:
    """And who may not look is told so, whether the settlement exists or not."""
    from django.test import Client  # noqa: PLC0415 - Django is set up by the fixture

    there = f"/settlements/{day.settled[0].columns['settlement']}"
    client = client_as(Role.POLICY_OFFICER)

    assert f"/sign-in?next={there}" == Client().get(there).headers["location"]
    assert (403, 403) == (client.get(there).status_code, client.get("/settlements/no").status_code)


def test_who_looked_at_what_is_written_down(client_as: ClientAs, day: Day) -> None:
    """With the settlement it was about, and how it was answered."""
    from medsettle.console.models import Access  # noqa: PLC0415 - as above

    client = client_as(Role.AUDITOR, name="A")
    settlement = day.settled[0].columns["settlement"]
    client.get(f"/settlements/{settlement}")
    client.get("/settlements/no")
    log = [(each.account, each.page, each.subject, each.status) for each in Access.objects.all()]

    assert [("A", "settlement", settlement, 200), ("A", "settlement", "no", 404)] == log


def test_what_was_taken_back_is_marked(client_as: ClientAs, day: Day) -> None:
    """On its page and in the list; neither a cancel itself nor another settlement is."""
    client = client_as(Role.AUDITOR)
    original, cancel = day.cancel.columns["original"], day.cancel.columns["settlement"]
    pages = [
        client.get(f"/settlements/{each}").content.decode()
        for each in (original, cancel, day.settled[0].columns["settlement"])
    ]
    listed = client.get("/settlements/").content.decode()
    rows = re.findall(r'href="/settlements/([^"/]+)">[^<]*</a>(.*?)</th>', listed)

    assert [1, 0, 0] == [page.count('<span class="tag bad">taken back</span>') for page in pages]
    assert [original] == [settlement for settlement, marks in rows if "taken back" in marks]


@pytest.mark.slow
def test_the_picture_is_drawn_and_keys_lead_on(window: Window, day: Day) -> None:
    """A sankey with a node for each that pays; "g" and a letter open another page."""
    page = window.open(f"/settlements/{day.settled[0].columns['settlement']}")
    page.wait_for_selector(".figure .sankey-node")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/settlements/")
    page.keyboard.press("/")

    assert "q" == page.evaluate("document.activeElement.name")
