"""Values that are known to hold for some time only: a later claim is refused, never guessed."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Row
from medsettle.policy.area import Area
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.compiled import compile_policy
from medsettle.policy.model import Policy
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.run import Settled, Settler

from tests.policy.documents import AREA_TEXT, GOOD, area_of, good
from tests.reference_dates import states_values
from tests.service.claims import claim, line

_FIRST = date(2024, 1, 1)
_HEAD = GOOD[: GOOD.index("dimensions:")]
_CATALOGUE = Path(__file__).parents[2] / "fixtures/policies/bad/books/overlap/999900/catalogue.csv"
_ITEM = "009901000001000990100000100"


def _document(*tables: str) -> str:
    """Return a policy whose deductible and rate have these versions."""
    names = ("deductible: {unit: amount", "rate: {unit: rate")
    written = "".join(
        f"  {name}, versions: [{versions}]}}\n"
        for name, versions in zip(names, tables, strict=True)
    )
    return (
        f"{_HEAD}tables:\n{written}stages:\n  - stage: pool\n    payer: pooled_fund\n"
        "    source: notice\n    base: [in_scope]\n"
        "    deductible: {table: deductible, per: settlement}\n    rate: {pays: rate}\n"
        "    rounding: {at: stage, side: payer, mode: half_up}\n"
    )


def _version(value: str, start: date, until: date | None = None) -> str:
    ends = f", until: {until}" if until is not None else ""
    return f"{{from: {start}, source: notice, value: {value}{ends}}}"


def _settled(policy: Policy, days: list[date]) -> Iterator[Settled | Rejection]:
    """Yield what comes out for a claim of 1,000 yuan on each of some days."""
    area: Area = area_of(AREA_TEXT)
    compiled = compile_policy(policy, area, "digest")
    catalogues = {area.code: Catalogue.load(_CATALOGUE, area.lines)}
    settler = Settler(RuleBook({area.code: area}, catalogues, (compiled,)))
    rows: list[Row] = [
        claim(
            number,
            pooling_area=area.code,
            visit_type="21",
            service_date=day,
            admission_date=day,
            institution_level="01",
            lines=[line(100_000, item_code=_ITEM) | {"fee_date": day}],
        )
        for number, day in enumerate(days, 1)
    ]
    batch = ClaimBatch.from_rows(rows)
    assert {} == batch.rejections
    results = settler.run(batch, range(len(batch)), lambda _: {}, refuse_gaps=True)
    yield from (results[row] for row in range(len(batch)))


def test_a_claim_after_the_last_known_values_is_refused() -> None:
    """The last day that is known is settled, the next one refused with table, day and remedy."""
    text = _document(_version("300元", _FIRST, date(2025, 1, 1)), _version("80%", _FIRST))
    last, after = _settled(good(text), [date(2024, 12, 31), date(2025, 1, 1)])

    assert isinstance(last, Settled)
    assert 56_000 == last.settlement.columns["pooled_fund_fen"]
    assert isinstance(after, Rejection)
    assert Outcome.POLICY_NOT_IN_FORCE is after.outcome
    assert after.message == (
        "table 'deductible' of policy example of area 999900 has values until 2025-01-01 and none "
        "for the service_date 2025-01-01; add the version of that time or correct the date"
    )
    assert {
        **{"pooling_area": "999900", "service_date": "2025-01-01", "policy": "example"},
        **{"table": "deductible", "until": "2025-01-01"},
    } == after.metadata


def test_a_later_version_takes_over() -> None:
    """Between two versions nothing is known; from the first day of the later one it is again."""
    text = _document(
        f"{_version('300元', _FIRST, date(2025, 1, 1))}, {_version('500元', date(2025, 3, 1))}",
        _version("80%", _FIRST),
    )
    between, later = _settled(good(text), [date(2025, 2, 28), date(2025, 3, 1)])

    assert isinstance(between, Rejection)
    assert isinstance(later, Settled)
    assert 40_000 == later.settlement.columns["pooled_fund_fen"]


@st.composite
def _versions(draw: st.DrawFn, value: str) -> str:
    """Return versions in order of time, some of which end before the next begins."""
    steps = draw(st.lists(st.integers(1, 3), max_size=3))
    starts = [_FIRST + timedelta(days) for days in accumulate(steps, initial=0)]
    found = []
    for number, start in enumerate(starts):
        most = (starts[number + 1] - start).days if number + 1 < len(starts) else 4
        lasts = draw(st.none() | st.integers(1, most))
        until = start + timedelta(lasts) if lasts is not None else None
        found.append(_version(value, start, until))
    return ", ".join(found)


@given(_versions("300元"), _versions("80%"))
def test_days_without_values_are_those_of_the_oracle(amounts: str, rates: str) -> None:
    """Every day of random documents is settled or refused as the slow oracle says."""
    policy = good(_document(amounts, rates))
    days = [_FIRST + timedelta(day) for day in range(15)]

    assert [states_values(policy, day) for day in days] == [
        isinstance(result, Settled) for result in _settled(policy, days)
    ]


def test_a_claim_that_states_nothing_is_told_so() -> None:
    """A missing fact is no code `none`: the message says what to state, or what to list."""
    text = GOOD.replace(
        "  member: {group: members}",
        '  member: {group: members}\n  kind: {column: institution_kind, codes: {tcm: ["tcm"]}}',
    ).replace("when: {admission: [later], member: [yes]}", "when: {member: [yes], kind: [tcm]}")
    (result,) = _settled(good(text), [_FIRST])

    assert isinstance(result, Rejection)
    assert result.message == (
        "the claim states no institution_kind, and no class of 'kind' in policy 'example' is for "
        "claims without one; state it, or list `none` in a class of the document"
    )
