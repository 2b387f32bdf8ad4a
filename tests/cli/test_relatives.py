"""The commands about relatives' limits, at a server and with an embedded engine."""

import json
from pathlib import Path

from medsettle.client import Client
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening

from tests.cli.commands import run, serving
from tests.engine.relatives import AREA, RULES, visit
from tests.service.claims import INSTITUTION

_PAIR = (f"{AREA}/G", f"{AREA}/R")


def _sent(request: str) -> tuple[str, ...]:
    return ("--institution", "H1", "--request-id", request)


def test_a_limit_is_granted_lowered_and_dissolved(tmp_path: Path) -> None:
    """The same words at a server and on a data folder; JSON carries fen, the table yuan."""
    with serving(tmp_path, RULES) as served:
        with Client(served.address) as client:
            client.open_person(Opening("H1", "O1", AREA, "G", 100_000))
        at = ("--server", served.address)
        granted = run("relatives", "grant", *_PAIR, "1,000.00", *_sent("Q1"), *at, "--json")
        assert (0, 100_000) == (granted.code, granted.json["limit_fen"])
        refused = run("relatives", "grant", *_PAIR, "0.01", *_sent("Q2"), *at)
        assert refused.code != 0
        assert "holds 0 fen" in refused.out + refused.err
        served.stop()

    here = ("--data", tmp_path, "--rules", RULES)
    lowered = run("relatives", "lower", *_PAIR, "400", *_sent("Q3"), *here, "--json")
    assert (0, 60_000) == (lowered.code, lowered.json["limit_fen"])
    listed = run("relatives", "list", f"{AREA}/R", *here)
    assert (0, True) == (listed.code, "600.00" in listed.out)
    words = ("--by", "receiver", *_sent("Q4"), *here, "--json")
    ended = run("relatives", "dissolve", *_PAIR, *words)
    assert (0, False) == (ended.code, ended.json["bound"])
    assert "dissolved" in run("relatives", "list", f"{AREA}/G", *here).out
    end = run("relatives", "end-insurance", f"{AREA}/G", *_sent("Q5"), *here)
    assert (0, "no relations\n") == (end.code, end.out)
    refused = run("relatives", "grant", *_PAIR, "1", *_sent("Q6"), *here)
    assert "insurance of G of 999921 has ended" in refused.out + refused.err
    begun = run("relatives", "begin-insurance", f"{AREA}/G", *_sent("Q7"), *here)
    assert (0, "insured\n") == (begun.code, begun.out)
    again = run("relatives", "begin-insurance", f"{AREA}/G", *_sent("Q7"), *here, "--json")
    assert {"person": f"{AREA}/G", "insured": True, "duplicate": True} == again.json
    repeated = run("relatives", "grant", *_PAIR, "1", *_sent("Q6"), *here)
    assert "a new request needs a new request id" in repeated.err
    assert 0 == run("relatives", "grant", *_PAIR, "1", *_sent("Q8"), *here).code


def test_what_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    """A person without an area, an amount of a part of a fen, a wish of nobody."""
    for arguments, said in (
        (("grant", "G", _PAIR[1], "1"), "giver"),
        (("grant", *_PAIR, "0.001"), "part of a fen"),
        (("dissolve", *_PAIR, "--by", "uncle"), "expected giver or receiver"),
    ):
        ran = run("relatives", *arguments, *_sent("Q1"), "--data", tmp_path)
        assert ran.code != 0
        assert said in ran.out + ran.err, ran
        assert "Traceback" not in ran.err


def test_json_of_a_list_is_a_line_for_each_relation(tmp_path: Path) -> None:
    """Every field of a relation under the name that the API gives it."""
    with serving(tmp_path, RULES) as served:
        with Client(served.address) as client:
            client.open_person(Opening("H1", "O1", AREA, "G", 100_000))
        at = ("--server", served.address)
        run("relatives", "grant", *_PAIR, "1", *_sent("Q1"), *at)
        listed = run("relatives", "list", f"{AREA}/G", *at, "--json")

    (line,) = listed.out.splitlines()
    assert json.loads(line) == {
        "giver": _PAIR[0],
        "receiver": _PAIR[1],
        "number": 1,
        "limit_fen": 100,
        "used_fen": 0,
        "bound": True,
        "duplicate": False,
    }


def test_a_giver_asks_who_used_the_limit(tmp_path: Path) -> None:
    """The list sums it by receiver; the audit tables name each settlement, cancels taken off."""
    bills = [visit(1, "R", 30_000), visit(2, "S", 20_000), visit(3, "R", 1_000)]
    with serving(tmp_path, RULES) as served:
        with Client(served.address) as client:
            client.open_person(Opening("H1", "O1", AREA, "G", 100_000))
            for number, receiver in enumerate("RS"):
                sides = Person(AREA, "G"), Person(AREA, receiver)
                client.relatives.grant(LimitChange("H1", f"Q{number}", *sides, 40_000))
            last = [str(client.settle(bill).columns["settlement"]) for bill in bills][-1]
            client.cancel(last, institution=INSTITUTION, request_id="X1")
        listed = run("relatives", "list", f"{AREA}/G", "--server", served.address, "--json")
        served.stop()
    giver, *receivers = (_pseudonym(person, tmp_path) for person in "GRS")
    asked = (
        "select person, sum(paid_fen)::bigint as used_fen from relative_shares "
        f"join settlements using (settlement) where giver = '{giver}' group by all"
    )
    told = run("audit", "show", "--sql", asked, "--data", tmp_path, "--json")

    rows = [json.loads(line) for line in listed.out.splitlines()]
    assert [(f"{AREA}/R", 30_000), (f"{AREA}/S", 20_000)] == [
        (row["receiver"], row["used_fen"]) for row in rows
    ]
    assert dict(zip(receivers, (30_000, 20_000), strict=True)) == {
        row["person"]: row["used_fen"] for row in told.json
    }


def _pseudonym(person: str, data: Path) -> str:
    """Return as whom the audit tables have somebody."""
    (found,) = run("privacy", "pseudonym", person, "--data", data, "--json").json["pseudonyms"]
    assert isinstance(found, str)
    return found
