"""Every figure of a comparison is what the settlements say, worked out one by one."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pyarrow.parquet as pq
import pytest
from medsettle.core import codes
from medsettle.core.outcome import Rejection
from medsettle.replay.figure_forms import Figure, gini
from medsettle.replay.layout import BASELINE

from tests.replay_report import compared_by_hand as by_hand
from tests.replay_report.compared_worlds import REFORMS, past_caps, past_deductibles
from tests.replay_report.conftest import Replayed

each_reform = pytest.mark.parametrize("reform", REFORMS)


def _figures(replayed: Replayed, reform: str) -> dict[str, Figure]:
    (found,) = [each for each in replayed.comparison.reforms if each.reform == reform]
    return dict(found.figures)


@each_reform
def test_every_payer_is_told(replayed: Replayed, reform: str) -> None:
    """Each payer of the interface, cash, sums and payouts; the shares add up to the cost."""
    rows = _figures(replayed, reform)["funds"].rows()
    both = list(replayed.told.compared(reform))

    assert [*codes.PAYER_NAMES, "cash", "fund_total", "person_total", "payouts"] == [
        row["payer"] for row in rows
    ]
    for row in rows:
        before = sum(each.fen(f"{row['payer']}_fen") for _, each, _ in both)
        after = sum(each.fen(f"{row['payer']}_fen") for _, _, each in both)
        assert (before, after, after - before) == (
            row["baseline_fen"],
            row["reform_fen"],
            row["change_fen"],
        )
    cost = sum(each.fen("total_fen") for _, each, _ in both)
    for column in ("baseline_fen", "reform_fen"):
        assert cost == sum(int(str(row[column])) for row in rows[: len(codes.PAYER_NAMES) + 1])


def test_the_reforms_do_something(replayed: Replayed) -> None:
    """Else every figure of a change would be right by being nothing."""
    for reform in REFORMS:
        overview = _figures(replayed, reform)["overview"].rows()[0]
        both = list(replayed.told.compared(reform))
        names = [f"{name}_fen" for name in (*codes.PAYER_NAMES, "cash", "payouts")]
        changed = sum(any(a.fen(n) != b.fen(n) for n in names) for _, a, b in both)
        days = [claim["service_date"] for claim, _, _ in both]

        assert 0 < changed == overview["claims_changed"]
        assert (len(both), min(days), max(days)) == (
            overview["claims"],
            overview["first_day"],
            overview["last_day"],
        )


def _band(age: int) -> str:
    for first, after in ((0, 15), (15, 45), (45, 60), (60, 70), (70, 80)):
        if first <= age < after:
            return f"{first:02d}–{after - 1:02d}"
    return "80+"


def _level(claim: dict[str, Any]) -> list[str]:
    (own,) = [own for own in _LEVELS if claim["institution_level"] in own.split(", ")]
    return [own]


_LEVELS = ("01, 02, 03", "04, 05, 06", "07, 08, 09", "10, 11")


@each_reform
@pytest.mark.parametrize(
    ("figure", "key"),
    [
        ("by_area", lambda claim: [claim["pooling_area"]]),
        ("by_insurance", lambda claim: [claim["insurance_type"]]),
        ("by_visit", lambda claim: [claim["visit_type"]]),
        ("by_level", _level),
        ("by_person_type", lambda claim: [claim["person_type"]]),
        ("by_benefit_group", lambda claim: claim["benefit_groups"] or ["-"]),
        ("by_month", lambda claim: [claim["service_date"].strftime("%Y-%m")]),
    ],
)
def test_groups_are_told(
    replayed: Replayed, reform: str, figure: str, key: Callable[[dict[str, Any]], list[str]]
) -> None:
    """Claims, persons, cost and the change of funds by what a claim belongs to."""
    counted = "persons" if figure == "by_month" else "person_years"
    names = ("claims", counted, "total_fen", "fund_total_change_fen")

    assert by_hand.grouped(replayed.told, reform, key) == {
        row["grouped"]: tuple(row[name] for name in names)
        for row in _figures(replayed, reform)[figure].rows()
    }


@each_reform
def test_ages_are_told_by_one_rule(replayed: Replayed, reform: str) -> None:
    """That at the first visit of the year: no birthday has a person-year in two bands."""
    figures = _figures(replayed, reform)
    persons = by_hand.persons_of(replayed.told, reform)
    ages = {each.first_claim: each.age for each in persons}
    firsts: dict[tuple[str, str], int] = {}
    birthdays = 0

    def key(claim: dict[str, Any]) -> list[str]:
        nonlocal birthdays
        first = firsts.setdefault((claim["pooling_area"], claim["person"]), claim["claim"])
        birthdays += _band(by_hand.age_of(claim)) != _band(ages[first])
        return [_band(ages[first])]

    names = ("claims", "person_years", "total_fen", "fund_total_change_fen")
    told = {row["grouped"]: tuple(row[name] for name in names) for row in figures["by_age"].rows()}
    assert by_hand.grouped(replayed.told, reform, key) == told
    assert birthdays
    assert {band: row[1] for band, row in told.items()} == {
        row["grouped"]: row["all_person_years"] for row in figures["winners_by_age"].rows()
    }


@each_reform
def test_policies_are_told(replayed: Replayed, reform: str) -> None:
    """Which policy settled how many claims in each world: the reformed one, from its day on."""
    pairs: dict[tuple[object, object], list[int]] = {}
    for _, before, after in replayed.told.compared(reform):
        pair = (before.columns["policy"], after.columns["policy"])
        change = after.fen("fund_total_fen") - before.fen("fund_total_fen")
        pairs.setdefault(pair, []).append(change)

    assert any(before != after for before, after in pairs)
    assert {pair: (len(own), sum(own)) for pair, own in pairs.items()} == {
        (row["baseline_policy"], row["reform_policy"]): (row["claims"], row["change_fen"])
        for row in _figures(replayed, reform)["policies"].rows()
    }


@each_reform
def test_winners_and_losers_are_told(replayed: Replayed, reform: str) -> None:
    """By side, by decile of cost and by age, with what they gain and lose."""
    figures = _figures(replayed, reform)
    persons = by_hand.persons_of(replayed.told, reform)
    sides = {"gains": 1, "same": 0, "loses": -1}
    expected = {}
    for side, sign in sides.items():
        own = [each.gain for each in persons if (each.gain > 0) - (each.gain < 0) == sign]
        if own:
            expected[side] = (len(own), len(persons), sum(own))
    assert expected == {
        row["side"]: (row["person_years"], row["all_person_years"], row["gain_fen"])
        for row in figures["winners"].rows()
    }
    names = ("all_person_years", "winners", "losers", "gain_fen", "loss_fen", "net_fen")
    told = [_sides(group) for group in by_hand.deciles(persons)]
    assert told == [
        tuple(row[name] for name in names) for row in figures["winners_by_decile"].rows()
    ]
    costs = [(len(own), sum(p.cost for p in own)) for own in by_hand.deciles(persons)]
    assert costs == [(row["person_years"], row["total_fen"]) for row in figures["by_decile"].rows()]


def _sides(persons: list[by_hand.Person]) -> tuple[int, ...]:
    gains = [each.gain for each in persons]
    above, below = [g for g in gains if g > 0], [g for g in gains if g < 0]
    return len(gains), len(above), len(below), sum(above), sum(below), sum(gains)


@each_reform
def test_the_whole_distribution_is_told(replayed: Replayed, reform: str) -> None:
    """Quantiles of all and of those who change; a histogram in which each person is once."""
    figures = _figures(replayed, reform)
    gains = [each.gain for each in by_hand.persons_of(replayed.told, reform)]
    changed = [gain for gain in gains if gain]

    for row in figures["quantiles"].rows():
        percent = int(str(row["percent"]))
        assert by_hand.quantile(gains, percent) == row["gain_fen"]
        assert by_hand.quantile(changed, percent) == row["changed_gain_fen"]
    bins = figures["histogram"].rows()
    assert len(gains) == sum(int(str(row["person_years"])) for row in bins)
    for row in bins:
        low, high = row["low_fen"], row["high_fen"]
        own = [g for g in gains if (low is None or low <= g) and (high is None or g <= high)]
        assert (len(own), sum(own)) == (row["person_years"], row["gain_fen"])
    assert [None, *(row["high_fen"] + 1 for row in bins[:-1])] == [row["low_fen"] for row in bins]
    for row in figures["large_changes"].rows():
        least = int(str(row["threshold_fen"]))
        assert (
            sum(gain >= least for gain in gains),
            sum(gain <= -least for gain in gains),
        ) == (row["winners"], row["losers"])


@each_reform
def test_crossings_are_told(replayed: Replayed, reform: str) -> None:
    """Who crosses which limit of which stage, newly and no longer, with their titles."""
    persons = by_hand.persons_of(replayed.told, reform)
    expected = {
        limit: (
            sum(limit in each.past[0] for each in persons),
            sum(limit in each.past[1] for each in persons),
            sum(limit in each.past[1] - each.past[0] for each in persons),
            sum(limit in each.past[0] - each.past[1] for each in persons),
        )
        for limit in set().union(*(past for each in persons for past in each.past))
    }

    rows = _figures(replayed, reform)["crossings"].rows()
    assert expected == {
        (row["policy"], row["stage"], row["crossed"]): tuple(
            row[name] for name in ("before", "after", "newly", "no_longer")
        )
        for row in rows
    }
    assert len(expected) == len(rows) > 2
    assert any(newly for _, _, newly, _ in expected.values())
    assert {row["policy_title"] for row in rows} == {"示例住院待遇", "示例门诊待遇"}
    assert {row["stage_title"] for row in rows} == {"统筹基金"}


@each_reform
def test_heavy_burdens_are_told(replayed: Replayed, reform: str) -> None:
    """Above, and not at, each threshold; of cost in percent, and in fen."""
    persons = by_hand.persons_of(replayed.told, reform)
    for row in _figures(replayed, reform)["burden"].rows():
        for world, name in enumerate(("before", "after")):
            if row["measured"] == "cost":
                share = Fraction(int(str(row["percent"])), 100)
                heavy = [each for each in persons if each.part[world] > share * each.cost]
            else:
                heavy = [each for each in persons if each.part[world] > row["threshold_fen"]]
            assert len(heavy) == row[name]


@each_reform
def test_concentration_is_told(replayed: Replayed, reform: str) -> None:
    """The costliest persons, the curve, and Gini coefficients by the definition over all pairs."""
    figures = _figures(replayed, reform)
    ordered = by_hand.by_cost(by_hand.persons_of(replayed.told, reform))
    count = len(ordered)
    for row in figures["top_shares"].rows():
        top = ordered[count - -(-int(str(row["percent"])) * count // 100) :]
        assert (len(top), sum(each.cost for each in top)) == (row["person_years"], row["total_fen"])
        assert sum(each.fund[1] for each in top) == row["reform_fund_total_fen"]
        assert sum(each.cost for each in ordered) == row["all_total_fen"]
    curve = figures["concentration"].rows()
    assert list(range(0, 101, 5)) == [row["percent"] for row in curve]
    for row in curve:
        own = ordered[: count * int(str(row["percent"])) // 100]
        assert sum(each.cost for each in own) == row["total_fen"]
        assert sum(each.part[0] for each in own) == row["baseline_person_total_fen"]
    values = {
        "total_fen": [each.cost for each in ordered],
        "baseline_fund_total_fen": [each.fund[0] for each in ordered],
        "reform_fund_total_fen": [each.fund[1] for each in ordered],
        "baseline_person_total_fen": [each.part[0] for each in ordered],
        "reform_person_total_fen": [each.part[1] for each in ordered],
    }
    assert {name: by_hand.gini(own) for name, own in values.items()} == {
        row["measured"]: gini(*(int(str(row[name])) for name in ("n", "sum", "weighted")))
        for row in figures["inequality"].rows()
    }


@each_reform
def test_what_is_left_out_is_counted(replayed: Replayed, reform: str) -> None:
    """Claims taken back, and those refused; nothing else is missing."""
    told = replayed.told
    taken = [claim["claim"] for claim in told.claims if claim["taken_back"] is not None]
    refused = [
        each
        for claim, each in zip(told.claims, told.worlds[BASELINE], strict=True)
        if claim["taken_back"] is None and isinstance(each, Rejection)
    ]
    rows = _figures(replayed, reform)["left_out"].rows()

    counts = {row["baseline"]: row["claims"] for row in rows}
    assert len(taken) == counts.pop("taken back") > 0
    assert len(refused) == sum(int(str(each)) for each in counts.values()) > 0
    compared = _figures(replayed, reform)["overview"].number("claims")
    assert len(told.claims) == compared + len(taken) + len(refused)


@each_reform
def test_each_claim_stands_in_both_worlds(replayed: Replayed, reform: str) -> None:
    """The table of claims has the amounts of both settlements, and no token of a person."""
    table = pq.read_table(replayed.out / reform / "claims.parquet")
    rows = table.to_pylist()
    both = list(replayed.told.compared(reform))
    firsts: dict[tuple[str, str], int] = {}

    assert [claim["claim"] for claim, _, _ in both] == [row["claim"] for row in rows]
    for row, (claim, before, after) in zip(rows, both, strict=True):
        key = (claim["pooling_area"], claim["person"])
        assert firsts.setdefault(key, claim["claim"]) == row["person"]
        assert by_hand.age_of(claim) == row["age"]
        for name in (*codes.PAYER_NAMES, "cash", "fund_total", "person_total", "deductible"):
            assert before.fen(f"{name}_fen") == row[f"baseline_{name}_fen"]
            assert after.fen(f"{name}_fen") == row[f"reform_{name}_fen"]
        for world, settlement in (("baseline", before), ("reform", after)):
            assert ",".join(past_deductibles(settlement)) == (
                row[f"{world}_past_deductibles"] or ""
            )
            assert ",".join(past_caps(settlement)) == (row[f"{world}_past_caps"] or "")
    texts = {field.name for field in table.schema if field.type == "string"}
    assert {
        *("month", "pooling_area", "insurance_type", "visit_type"),
        *("person_type", "institution_level", "baseline_policy", "reform_policy"),
        *("baseline_past_deductibles", "reform_past_deductibles"),
        *("baseline_past_caps", "reform_past_caps"),
    } == texts
