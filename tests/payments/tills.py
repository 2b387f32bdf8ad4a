"""Tills over a real engine and the sandbox bank, and the books that must agree in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row, Settlement
from medsettle.engine import Engine
from medsettle.payments.sandbox_bank import Mode, SandboxBank
from medsettle.payments.till import Till
from medsettle.payments.till_journal import IfDeclined, Leg, Step, TillJournal

from tests.engine.engines import RULES, engine_on
from tests.service.claims import claim

DEPOSIT_FEN = 100_000
# Of 500.00 outpatient the fund pays 80 % of 400.00, so 180.00 are cash.
CASH_FEN = 18_000


@dataclass
class EngineDesk:
    """The medical desk of an engine in this process, as the command line has it."""

    engine: Engine

    def settle(self, claim: Row) -> Settlement | Rejection:
        """Return the recorded settlement of a claim, or why there is none."""
        (answer,) = self.engine.settle(ClaimBatch.from_rows([claim]))
        return answer

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Take a settlement back."""
        return self.engine.cancel(institution, request_id, settlement)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement has been taken back."""
        assert claim
        return self.engine.ledger.cancel_of(settlement) is not None


def _moment() -> datetime:
    return datetime(2024, 5, 2, tzinfo=UTC)


@dataclass
class Counter:
    """A till with its engine and its bank."""

    engine: Engine
    bank: SandboxBank
    till: Till
    pauses: list[float]

    def checkout(
        self, number: int = 1, if_declined: IfDeclined = IfDeclined.CANCEL, **changes: object
    ) -> Leg:
        """Check out claim `number` from the account of its person."""
        return self.till.checkout(claim(number) | changes, f"A{number}", if_declined)

    def moved(self, number: int = 1) -> int:
        """Return the fen that have left the account of a person."""
        account = self.bank.account(f"A{number}")
        assert account is not None
        return account.deposited_fen - account.balance_fen

    def stands(self, leg: Leg) -> bool:
        """Whether the settlement of a leg is recorded and not cancelled."""
        return (
            leg.settlement is not None
            and self.engine.ledger.settlement(leg.settlement) is not None
            and self.engine.ledger.cancel_of(leg.settlement) is None
        )


@contextmanager
def counter(folder: Path, rules: Path = RULES) -> Iterator[Counter]:
    """Yield a till of a folder, new or as it was left; its pauses are noted and not waited."""
    pauses: list[float] = []
    with (
        engine_on(folder, rules) as engine,
        SandboxBank(folder / "bank", wait=pauses.append) as bank,
        TillJournal(folder / "till") as journal,
    ):
        till = Till(journal, EngineDesk(engine), bank, _moment, pauses.append)
        yield Counter(engine, bank, till, pauses)


def opened(folder: Path, people: int, mode: Mode = Mode.OK, *script: Mode) -> None:
    """Open an account for each of some people, the bank behaving as told for all."""
    with SandboxBank(folder / "bank") as bank:
        for number in range(1, people + 1):
            bank.deposit(f"A{number}", DEPOSIT_FEN)
        bank.behave("*", mode, script)


def assert_books_agree(folder: Path) -> dict[Step, int]:
    """Hold bank, journal and ledger to one another, and return how many legs ended how.

    Money is nowhere lost or made; whatever is charged belongs to a settlement that stands, and a
    settlement that stands is charged once or an open debt.
    """
    ends: dict[Step, int] = {}
    with counter(folder) as open_:
        accounts = open_.bank.accounts()
        charged: dict[str, int] = {}
        for operation in open_.bank.operations():
            sign = 1 if operation.kind == "charge" else -1
            name = operation.id.rsplit("-", 1)[0]
            charged[name] = charged.get(name, 0) + sign * operation.amount_fen
        deposited = sum(account.deposited_fen for account in accounts)
        assert deposited == sum(account.balance_fen for account in accounts) + sum(charged.values())

        legs = open_.till.journal.legs()
        assert set(charged) <= {leg.leg for leg in legs}
        for leg in legs:
            ends[leg.step] = ends.get(leg.step, 0) + 1
            stands = open_.stands(leg)
            held = charged.get(leg.leg, 0)
            assert leg.step.ended, leg
            assert held == (leg.cash_fen if leg.charged else 0), leg
            if leg.step is Step.CHARGED:
                assert (True, leg.cash_fen) == (stands, held), leg
            elif leg.step is Step.DEBT:
                assert (True, 0) == (stands, held), leg
            elif leg.step is Step.REFUND_OWED:
                assert (False, leg.cash_fen) == (stands, held), leg
            elif leg.step is not Step.NOTHING_DUE:
                assert (False, 0) == (stands, held), leg
        settled = {
            each.settlement
            for each in open_.engine.ledger.page(after_seq=0, limit=limits.PAGE_SIZE_MAX)
            if each.kind == "settle"
        }
        assert settled == {leg.settlement for leg in legs if leg.settlement is not None}
    return ends


def rows(count: int) -> list[dict[str, Any]]:
    """Return the claims of some people."""
    return [claim(number) for number in range(1, count + 1)]
