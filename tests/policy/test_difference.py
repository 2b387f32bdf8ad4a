"""Two documents compare by what they mean, whatever they call it and however they write it."""

from datetime import date
from fractions import Fraction

import pytest
from medsettle.policy.difference import Change, Topic, moments
from medsettle.policy.difference_stages import differences
from medsettle.policy.model import Unit

from tests.policy.documents import GOOD, changed, good

_OWN_2023 = """\
      - from: 2023-01-01
        source: notice
        limits: [3万元, open]
        rows:
          primary: {young: [10%, 5%], old: [8%, 2/3]}
          above: {young: [15%, 5%], old: [12%, 1/3]}
"""


def _differences(new: str, old: str = GOOD) -> list[Change]:
    return differences(good(old), good(new))


def _said(changes: list[Change]) -> list[tuple[object, ...]]:
    """Return stage, role, before and after of each change."""
    return [(change.stage, change.what, change.before, change.after) for change in changes]


def test_a_document_says_the_same_as_itself() -> None:
    """Nothing differs, and nothing differs either where only names, notes and titles do."""
    renamed = GOOD.replace("floor_amount", "least_amount").replace("highest", "ceiling_rate")

    assert [] == _differences(GOOD)
    assert [] == _differences(renamed)
    assert [] == _differences(changed("note: every question once", "note: other words"))


def test_a_value_is_told_for_whom_it_changes() -> None:
    """One cell of a table is one change, with its class, unit, day and both places."""
    (found,) = _differences(changed("later: 650元", "later: 600元"))

    assert (Topic.VALUE, "pool", "deductible") == (found.topic, found.stage, found.what)
    assert (("admission", ("later",)),) == found.classes
    assert (Fraction(65000), Fraction(60000)) == (found.before, found.after)
    assert (Unit.AMOUNT, None) == (found.unit, found.band)
    assert (date(2024, 1, 1), None) == (found.since, found.until)
    assert [True, True] == [place is not None and place.line > 1 for place in found.places]


def test_values_that_end_are_told_from_then_on() -> None:
    """Where one document has no values any more, the other's stand against none."""
    old = "{from: 2024-01-01, source: notice, value: 2000元}"
    (found,) = _differences(changed(old, old.replace("from:", "until: 2025-01-01, from:")))

    assert ("extra", "deductible") == (found.stage, found.what)
    assert (Fraction(200_000), None) == (found.before, found.after)
    assert (date(2025, 1, 1), None) == (found.since, found.until)


def test_a_change_of_one_version_ends_with_it() -> None:
    """What differs until the next version is told until then, as the payer's rate."""
    old = changed("[10%, 5%], old: [8%, 2/3]", "[11%, 5%], old: [8%, 2/3]")
    (found,) = _differences(GOOD, old)

    assert (Fraction(89, 100), Fraction(90, 100)) == (found.before, found.after)
    assert (0, 3_000_000) == found.band
    assert (("hospital", ("primary",)), ("age", ("young",))) == found.classes
    assert (date(2024, 1, 1), date(2024, 7, 1)) == (found.since, found.until)


def test_bands_compare_over_the_ranges_of_both() -> None:
    """A band that is split without another rate changes nothing; a rate in it changes its part."""
    split = _OWN_2023.replace("[3万元, open]", "[1万元, 3万元, open]")
    for row in ("10%, 5%", "8%, 2/3", "15%, 5%", "12%, 1/3"):
        first = row.partition(",")[0]
        split = split.replace(f"[{row}]", f"[{first}, {row}]")
    same = changed(_OWN_2023, split)
    other = same.replace("young: [15%, 15%, 5%]", "young: [15%, 14%, 5%]")

    assert [] == _differences(same)
    (found,) = _differences(other)
    assert (1_000_000, 3_000_000) == found.band
    assert (Fraction(85, 100), Fraction(86, 100)) == (found.before, found.after)


def test_the_side_a_rate_is_stated_from_does_not_matter() -> None:
    """85 % paid and 15 % borne are one rate."""
    old = changed("rate: {target: target, counting: [pool.paid]}", "rate: {pays: target}")
    new = old.replace("rate: {pays: target}", "rate: {own: borne}").replace(
        "  part:\n    unit: rate",
        "  borne:\n    unit: rate\n    versions:\n"
        "      - {from: 2024-01-01, source: notice, value: 15%}\n  part:\n    unit: rate",
    )

    assert [] == _differences(new, old)


def test_classes_compare_on_common_ground() -> None:
    """A table that becomes finer by a dimension is compared in the classes of both."""
    new = changed(
        "  part:\n    unit: rate\n    versions:\n"
        "      - {from: 2024-01-01, source: notice, value: 20%}",
        "  part:\n    unit: rate\n    by: [person]\n    versions:\n"
        "      - {from: 2024-01-01, source: notice, rows: {active: 20%, retired: 10%}}",
    )
    (found,) = _differences(new)

    assert ("extra", "deductible.share_of.rate") == (found.stage, found.what)
    assert (("person", ("retired",)),) == found.classes


def test_a_code_that_changes_its_class_takes_the_values_of_the_other() -> None:
    """The code is told as moved, and every value that it has another of."""
    new = changed(
        'codes: {primary: ["07"], above: ["01", "04"]}',
        'codes: {primary: ["07", "04"], above: ["01"]}',
    )
    found = _differences(new)

    moved = [change for change in found if change.topic is Topic.CLASS]
    assert [("hospital of institution_level 04", "above", "primary")] == [
        (change.what, change.before, change.after) for change in moved
    ]
    values = [change for change in found if change.topic is Topic.VALUE]
    assert {(("primary / above",))} == {change.classes[0][1] for change in values}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mode: up}", "mode: down}", [("large", "rounding.mode", "up", "down")]),
        ("side: own, mode", "side: payer, mode", [("pool", "rounding.side", "own", "payer")]),
        ("apply: marginal,", "apply: whole,", None),
        (
            "deductible: inside}",
            "deductible: outside}",
            [("pool", "bands.deductible", "inside", "outside")],
        ),
        (
            "    base: [pool.own_share]",
            "    base: [pool.own_share, pool.over_cap]",
            [("extra", "base", "pool.own_share", "pool.own_share + pool.over_cap")],
        ),
        (
            "paid: {period: benefit_year,",
            "paid: {period: month,",
            [("", "paid.period", "benefit_year", "month")],
        ),
        (
            "- {table: scope_cap, on: base, per: scope}",
            "- {table: scope_cap, on: base, per: settlement}",
            [
                ("pool", "cap on base per settlement", None, Fraction(24_000_000)),
                ("pool", "cap on base per scope", Fraction(24_000_000), None),
            ],
        ),
        ("visit_types: [21, 22]", "visit_types: [21]", [("", "visit types", "21, 22", "21")]),
        (
            "says: not read yet",
            "says: read",
            [("", "undecided large.own_share", "not read yet", "read")],
        ),
        (
            "where: invented, confidence: invented, note",
            "where: invented, confidence: SW, note",
            None,
        ),
    ],
    ids=["mode", "side", "whole", "inside", "base", "period", "per", "visits", "gap", "confidence"],
)  # fmt: skip
def test_switches_are_told(old: str, new: str, said: list[tuple[object, ...]] | None) -> None:
    """Each switch is told in the stage and under the key where it stands."""
    if said is None:
        text = changed(old, new)
        if "whole" in new:
            text = text.replace("10万元]\n", "open]\n")
            assert ("pool", "bands.apply", "marginal", "whole") in _said(_differences(text))
        else:
            assert {Topic.EVIDENCE} == {change.topic for change in _differences(text)}
        return
    assert said == _said(_differences(changed(old, new)))


def test_who_pays_at_all_is_told_by_class() -> None:
    """A condition that opens for more classes is told for those."""
    (found,) = _differences(
        changed("when: {admission: [later], member: [yes]}", "when: {member: [yes]}")
    )

    assert (Topic.CONDITION, "large") == (found.topic, found.stage)
    assert (("admission", ("first",)), ("member", ("yes",))) == found.classes
    assert ("does not pay", "pays") == (found.before, found.after)


def test_a_stage_that_moves_and_one_that_goes_are_told() -> None:
    """The order of payment is told with both orders; what is gone with where it stood."""
    start, end = GOOD.index("  - stage: account"), GOOD.index("  - stage: extra")
    account = GOOD[start:end]
    gone = GOOD[:start] + GOOD[end:]
    moved = gone.replace("gaps:\n", f"{account}gaps:\n")

    assert [
        ("", "order of payment", "pool, large, account, extra", "pool, large, extra, account")
    ] == (_said(_differences(moved)))
    told = _said(_differences(gone))
    assert ("account", "stage", "account (account), after large", None) == told[0]


def test_policies_that_follow_one_another_compare_at_the_turn() -> None:
    """The earlier one is looked at on its last day, the later one from its first."""
    ended = changed(
        "in_force: {from: 2024-01-01}", "in_force: {from: 2024-01-01, until: 2025-01-01}"
    )
    later = GOOD.replace("2024-01-01", "2025-01-01").replace("from: 2024-07-01", "from: 2025-07-01")

    found = moments(good(ended), good(later))

    assert [date(2025, 1, 1), date(2025, 7, 1)] == [moment.since for moment in found]
    assert {date(2024, 12, 31)} == {moment.old_day for moment in found}


def test_revisions_of_one_document_compare_by_day() -> None:
    """A day for each is one comparison: the versions in force on those days."""
    policy = good(GOOD)
    days = moments(policy, policy, date(2024, 6, 30), date(2024, 7, 1))

    found = [change for change in differences(policy, policy, days) if change.topic is Topic.VALUE]

    assert {"rate"} == {change.what for change in found}
    assert {date(2024, 7, 1)} == {change.since for change in found}
    above = [change for change in found if change.after is None]
    assert {(10_000_000, None)} == {change.band for change in above}
