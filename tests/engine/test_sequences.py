"""Years of claims of a few people under random documents, with cancels: engine beside oracle."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import PAYER_NAMES
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Opening, Row, Settlement
from medsettle.engine import Engine
from medsettle.ledger import SqliteLedger
from medsettle.policy.compiled import compile_policy
from medsettle.policy.model import Policy
from medsettle.policy.rule_book import RuleBook

from tests.engine.engines import id_of
from tests.engine.nowhere_claims import Visits, load_catalogue
from tests.engine.slow_ledger import SlowLedger
from tests.reference_counters import balance_of
from tests.reference_facts import ReferenceResult
from tests.service.serving import Ticking
from tests.settle.edges import edges_of
from tests.settle.nowhere import AREA
from tests.settle.strategies import policies, sharing

_PARTS = 4
_BOOKS_EACH = 10
_PERSONS = 4
_CLAIMS = 1_000
_REFORM = date(2022, 7, 1)
_REFUSED = {Outcome.CLASS_NOT_COVERED, Outcome.POLICY_GAP, Outcome.POLICY_NOT_IN_FORCE}


@st.composite
def schemes(draw: st.DrawFn) -> tuple[Policy, ...]:
    """Return the documents of one scheme: stays before and after a reform, and other visits."""
    first = draw(policies(stages_max=3))
    later, visits = (sharing(draw(policies(stages_max=3)), first) for _ in range(2))
    return (
        replace(first, name="before", in_force_until=_REFORM),
        replace(later, name="after", in_force_from=_REFORM, rule_date=first.rule_date),
        replace(visits, name="visits", visit_types=("11", "41"), in_force_until=None),
    )


@dataclass
class Race:
    """One engine and one oracle, given the same things in the same order."""

    engine: Engine
    oracle: SlowLedger
    random: Random
    settled: list[tuple[Row, str]] = field(default_factory=list)
    compared: int = 0
    settlements: int = 0
    requests: int = 0

    def open(self) -> None:
        """Put some fen into somebody's account."""
        person, fen = f"P{self.random.randrange(_PERSONS)}", self.random.choice((1, 5_000, 10**6))
        self.requests += 1
        self.engine.open_person(Opening("H1", f"O{self.requests}", AREA.code, person, fen))
        self.oracle.open(person, balance_of(self.oracle.policies[0], "account"), fen)

    def settle(self, claims: Sequence[Row]) -> None:
        """Settle some claims as one batch and compare every amount and all that is carried."""
        answers = self.engine.settle(ClaimBatch.from_rows(claims))
        for claim, answer in zip(claims, answers, strict=True):
            expected = self.oracle.settle(claim)
            self.compared += 1
            if isinstance(answer, Rejection) and answer.outcome is Outcome.COUNTER_FULL:
                # The oracle counts without a bound; what it did is taken back.
                self._check_full(claims, answer)
                assert expected is None or self.oracle.cancel(str(claim["request_id"])), claim
                continue
            if isinstance(answer, Rejection):
                assert (expected, _is_expected(claim, answer)) == (None, True), (claim, answer)
                continue
            assert expected is not None, claim
            replaced = {str(row["stage"]): row["replaced_fen"] for row in answer.payers}
            assert _expected(*expected) == _told(answer), claim
            assert expected[0].replaced == {
                name: fen for name, fen in replaced.items() if name.startswith("p")
            }
            assert expected[0].owed == _owed(answer), claim
            self.settlements += 1
            self.settled.append((claim, id_of(answer)))
        self._compare_persons({str(claim["person"]) for claim in claims})

    @staticmethod
    def _check_full(claims: Sequence[Row], answer: Rejection) -> None:
        """Assert that the bills of a batch could take a counter past its bound, stage by stage."""
        lines = [line for claim in claims for line in claim["lines"]]  # type: ignore[attr-defined]
        billed = sum(abs(line["amount_fen"]) for line in lines)
        most = limits.STAGES_PER_POLICY_MAX * (billed + limits.PAYOUT_FEN_MAX)
        assert int(answer.metadata["value"]) > limits.AMOUNT_FEN_MAX - most, answer

    def cancel(self) -> None:
        """Take back any settlement of any person, however long ago."""
        if not self.settled:
            return
        self.requests += 1
        place = self.random.randrange(len(self.settled))
        claim, settlement = self.settled[place]
        sender = (str(claim["institution"]), f"X{self.requests}")
        person = str(claim["person"])
        if self.oracle.cancel(str(claim["request_id"])):
            del self.settled[place]
            answer = self.engine.cancel(*sender, settlement)
            balance = dict(self.oracle.state(person)).get("account", 0)
            assert balance == answer.fen("account_balance_fen")
        else:
            with pytest.raises(errors.AccountSpent):
                self.engine.cancel(*sender, settlement)
        self._compare_persons({person})

    def _compare_persons(self, persons: set[str]) -> None:
        for person in sorted(persons):
            state = self.engine.person(AREA.code, person)
            held = [(name.split(".")[1], value) for name, _, value in state.counters if value]
            held += [("account", state.account_fen)] if state.account_fen else []

            assert self.oracle.state(person) == sorted(held), person


def _is_expected(claim: Row, rejection: Rejection) -> bool:
    """Return whether a claim may be refused so: for its form only where it has no lines."""
    if rejection.outcome is Outcome.INVALID_REQUEST:
        return not claim["lines"]
    return rejection.outcome in _REFUSED


def _expected(result: ReferenceResult, balance: int) -> dict[str, int]:
    """Return every amount of a settlement as the oracle has it."""
    stages = {
        f"{stage}.{part}": fen for stage, own in result.stages.items() for part, fen in own.items()
    }
    payers = {f"{name}_fen": result.payers.get(name, 0) for name in PAYER_NAMES}
    others = {"cash_fen": result.cash, "deductible_fen": result.deductible}
    others |= {"payouts_fen": result.payouts, "account_balance_fen": balance}
    return stages | payers | others


def _told(settlement: Settlement) -> dict[str, int]:
    """Return the same amounts as the engine has them."""
    names = [*(f"{name}_fen" for name in PAYER_NAMES), "cash_fen", "deductible_fen"]
    names += ["payouts_fen", "account_balance_fen"]
    own = {name: settlement.fen(name) for name in names}
    return settlement.amounts | own


def _owed(settlement: Settlement) -> dict[str, int]:
    """Return what each debtor owes back, added up over the rows of the payers."""
    found: dict[str, int] = {}
    for row in settlement.payers:
        if row["debtor"] is not None:
            debtor = str(row["debtor"])
            found[debtor] = found.get(debtor, 0) + int(str(row["paid_fen"]))
    return found


def _run(scheme: Sequence[Policy], number: int, folder: Path) -> Race:
    """Return the race of a scheme after all its claims, cancels and openings."""
    random = Random(number)
    compiled = tuple(compile_policy(policy, AREA, "0" * 12) for policy in scheme)
    book = RuleBook({AREA.code: AREA}, {AREA.code: load_catalogue(folder)}, compiled)
    ledger = SqliteLedger(folder / "ledger.db")
    try:
        race = Race(Engine(book, ledger, Ticking()), SlowLedger(scheme), random)
        edges = sorted({edge for policy in scheme for edge in edges_of(policy)})
        dates = {kind: policy.rule_date for policy in scheme for kind in policy.visit_types}
        visits = Visits(random, edges, dates, _PERSONS)
        while race.compared < _CLAIMS:
            race.settle([visits.next() for _ in range(random.choice((1, 1, 3, 10, 40)))])
            for _ in range(random.choice((0, 0, 1, 3))):
                race.cancel()
            if not random.randrange(5):
                race.open()
        assert ledger.verify() is None
    finally:
        ledger.close()
    return race


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_long_sequences_equal_the_oracle(part: int) -> None:
    """Every payer, stage, counter and balance of 40,000 claims is the oracle's, cancels among them.

    Forty schemes of three documents each, four people, some 250 claims of each in order.
    """
    races: list[Race] = []

    @seed(part)
    @settings(
        max_examples=_BOOKS_EACH,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(schemes(), st.integers(0, 2**32 - 1))
    def run(scheme: tuple[Policy, ...], number: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            races.append(_run(scheme, number, Path(folder)))

    run()

    assert sum(race.compared for race in races) >= _BOOKS_EACH * _CLAIMS
    # Some documents have gaps that most claims meet, and some classes are not covered. Which are
    # drawn changes with the program: Hypothesis takes numbers out of its source.
    assert sum(race.settlements for race in races) >= _BOOKS_EACH * _CLAIMS // 3
