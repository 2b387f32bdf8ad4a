"""`medsettle policy diff`: what two policies say differently, in words and figures."""

from pathlib import Path

import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import RULES, run

pytestmark = pytest.mark.slow

_TEXTS = Path(__file__).parent / "differences"
_OUTPATIENT = ("beijing-employee-outpatient-2022", "beijing-employee-outpatient")


def test_the_end_of_a_cap_is_told_whole() -> None:
    """The cap of 20,000 falls, 60 % and 80 % are paid above; who gains or loses from which bill.

    Worked by hand: an active person's bill of 30,371.42 at a hospital leaves 28,571.42 above 1,800;
    70 % is 19,999.99 before, 14,000 + 60 % of 8,571.42 = 19,142.85 after. At 31,800 both funds pay
    20,000. Of 200,000, 198,200 lie above; 14,000 + 60 % of 178,200 = 120,920.
    """
    ran = run("policy", "diff", *_OUTPATIENT)

    assert Exit.OK == ran.code
    assert (_TEXTS / "outpatient-2022-to-2023.txt").read_text(encoding="utf-8") == ran.out


def test_the_same_is_told_for_programs() -> None:
    """As JSON, amounts are fen and rates text; a removed cap has nothing after."""
    found = run("policy", "diff", *_OUTPATIENT, "--json").json

    caps = [
        change
        for change in found["changes"]
        if change["topic"] == "value" and change["what"].startswith("cap on payment")
    ]
    assert [(2_000_000, None)] * 2 == [(change["before"], change["after"]) for change in caps]
    above = {
        (change["stage"], change["before"], change["after"], tuple(change["band_fen"]))
        for change in found["changes"]
        if change["classes"] == {"person": ["active"], "place": ["hospital"]}
    }
    assert {("large_amount", "70%", "60%", (2_000_000, None))} == above
    (meant,) = found["effects"]
    assert ("2023-01-01", []) == (meant["from"], meant["held"])
    assert {"person": ["active"], "place": ["hospital"], "employer_supplement": ["no"]} == (
        meant["changed"][0]["classes"]
    )


def test_two_revisions_of_a_policy_are_told() -> None:
    """The cap of residents rises; what else is said is evidence and what it means."""
    name = "beijing-resident-outpatient"
    ran = run("policy", "diff", f"{name}@2022-12-31", f"{name}@2023-01-01")

    assert Exit.OK == ran.code
    assert (_TEXTS / "resident-cap.txt").read_text(encoding="utf-8") == ran.out


def test_a_document_and_the_policy_it_is_say_the_same() -> None:
    """A file and the loaded policy of the same document differ in nothing."""
    name = "beijing-veteran-cadre"
    ran = run("policy", "diff", RULES / "110000" / "veteran-cadre.yaml", name)

    assert (Exit.OK, f"{name} and {name} say the same\n") == (ran.code, ran.out)


def test_what_cannot_be_compared_is_refused() -> None:
    """A policy that is not loaded, a day that is none, and a file that is missing are told."""
    unknown = run("policy", "diff", "nowhere", "beijing-veteran-cadre", "--json")
    assert (Exit.FINDING, "POLICY_NOT_FOUND") == (unknown.code, unknown.json["error"])
    day = run("policy", "diff", "beijing-veteran-cadre@soon", "beijing-veteran-cadre", "--json")
    assert Exit.USAGE == day.code
    assert ["'beijing-veteran-cadre@soon' names no day; write it like NAME@2023-01-01"] == (
        day.json["messages"]
    )
    missing = run("policy", "diff", RULES / "110000" / "none.yaml", "beijing-veteran-cadre")
    assert Exit.USAGE == missing.code
