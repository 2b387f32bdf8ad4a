"""Every worked example beside the policies comes out to the fen, in memory and through a server.

The expected amounts were published on receipts, notices and pages, or derived from a text by hand;
none was computed with the code under test.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from medsettle.books.identities import broken_identities
from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.demo.cases import settle_case
from medsettle.errors import InvalidRequest, PolicyGap
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book
from medsettle.policy.examples import Example, Visit, read_examples
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.explain import traced
from medsettle.settle.prove import Difference, opening_counters, prove
from medsettle.settle.run import Settled, Settler

from tests.cli.commands import RULES, serving

_REQUIRED = {
    *(f"WC-{number:03d}" for number in (1, 2, 3, 4, 6, 7, 10, 11, 14, 15, 23, 25, 65)),
    *(f"WC-{number:03d}" for number in (71, 72, 73, 74, 75, 76, 78)),
    *(f"DC-{number:03d}" for number in (1, 2, 9, 11, 12)),
}


def _read() -> list[Example]:
    found = []
    for path in sorted(RULES.rglob(f"*{EXAMPLES_SUFFIX}")):
        examples, violations = read_examples(path)
        assert not violations, violations
        found += examples
    return found


_EXAMPLES = _read()
_each_example = pytest.mark.parametrize(
    "example", _EXAMPLES, ids=lambda example: f"{example.policy}-{example.name}"
)


@cache
def _book() -> RuleBook:
    return load_rule_book(RULES)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Yield a client of a server process with an empty ledger."""
    with serving(tmp_path_factory.mktemp("data")) as server, Client(server.address) as client:
        yield client


def test_the_required_cases_are_there() -> None:
    """No case that was once published here is lost, and every name stands for one example."""
    names = [example.name for example in _EXAMPLES]

    assert set() == _REQUIRED - set(names)
    assert len(names) == len({(example.policy, example.name) for example in _EXAMPLES})


@_each_example
def test_an_example_comes_out(example: Example) -> None:
    """Every expected amount of every visit, to the fen."""
    assert [] == prove(Settler(_book()), example)


@pytest.mark.slow
@_each_example
def test_an_example_comes_out_through_a_server(client: Client, example: Example) -> None:
    """The same claims over gRPC, recorded: the same amounts, and the identities of each answer."""
    results = settle_case(client, _book(), example)

    assert len(example.visits) == len(results)
    for result in results:
        assert result.told
        assert [] == [told for told in result.told if told.expected_fen != told.found_fen]
        assert result.holds
        assert [] == broken_identities(result.settlement)


@_each_example
def test_an_example_can_fail(example: Example) -> None:
    """Each expected amount, changed by one fen, is told as the one difference."""
    for number, visit in enumerate(example.visits, 1):
        for name, fen in visit.expect.items():
            changed = _with_visit(example, number, expect=visit.expect | {name: fen + 1})
            where = f"{visit.place.file}:{visit.place.line}"
            expected = Difference(example.name, number, name, fen + 1, fen, where)

            assert [expected] == prove(Settler(_book()), changed)


def _example(name: str) -> Example:
    return next(example for example in _EXAMPLES if example.name == name)


def _with_visit(example: Example, number: int, **changes: object) -> Example:
    """Return an example with one of its visits changed."""
    visits = list(example.visits)
    visits[number - 1] = replace(visits[number - 1], **changes)  # type: ignore[arg-type]
    return replace(example, visits=tuple(visits))


def test_an_amount_that_does_not_exist_is_a_difference() -> None:
    """A misspelt amount is told as missing, and is no amount of zero."""
    changed = _with_visit(_example("WC-003"), 1, expect={"pooled_fnud": 0})
    (difference,) = prove(Settler(_book()), changed)

    assert difference.found is None
    assert str(difference).endswith(
        "WC-003, visit 1: pooled_fnud should be 0.00元, found no such amount"
    )


def test_a_counter_that_does_not_exist_is_refused() -> None:
    """A misspelt counter is told with the one that was probably meant."""
    changed = _with_visit(_example("WC-001"), 1, before={"poled_paid": 1})

    with pytest.raises(InvalidRequest, match="pooled_paid"):
        prove(Settler(_book()), changed)


def test_a_visit_that_cannot_be_decided_is_refused_unless_previewed() -> None:
    """DC-009 shows an amount that its policy cannot decide, so only its preview has amounts."""
    example = _example("DC-009")

    assert [True] == [visit.preview for visit in example.visits]
    with pytest.raises(PolicyGap):
        prove(Settler(_book()), _with_visit(example, 1, preview=False))


def test_a_previewed_visit_moves_nothing() -> None:
    """A visit that is only previewed leaves the next one as if it had not been."""
    example = _example("two-stays")
    first, second = example.visits
    previewed = replace(first, preview=True)
    twice = replace(example, visits=(previewed, first, second))

    assert [] == prove(Settler(_book()), twice)


def test_the_bands_of_the_stay_that_reaches_the_cap() -> None:
    """WC-001: own shares of 2,641.50, 600.00 and 1,721.17 in its three bands, 4,962.67 in all."""
    policy = _book().policy("beijing-employee-inpatient")
    (visit,) = _example("WC-001").visits
    result = _settled(visit)
    trace = traced(policy, result.inputs)
    shares = [trace[f"detail:pooled_fund.fit_own_{band}"] for band in range(3)]

    assert [264_150, 60_000, 172_117] == shares
    assert 496_267 == sum(shares) == result.settlement.amounts["pooled_fund.own_share"]


def _settled(visit: Visit) -> Settled:
    policy = _book().policy("beijing-employee-inpatient")
    claims = ClaimBatch.from_rows([visit.claim])
    held = opening_counters(_book(), policy, claims, visit)
    result = Settler(_book()).run(claims, [0], lambda _: held, refuse_gaps=True)[0]
    assert isinstance(result, Settled)
    return result
