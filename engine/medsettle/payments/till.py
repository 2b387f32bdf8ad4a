"""The conductor of a checkout: settle the claim, charge the card's account, and undo what must be.

Two ledgers move, the medical one and the bank's, and either may fail while the other holds. So each
step is recorded before it is tried, every call may be repeated by an id that was recorded with it,
and a leg moves on by certain answers only:

    settle ── rejected ─────────────────────────────► REJECTED
      │ settled
    charge ── declined ── by choice ── debt ────────► DEBT
      │                      └─ cancel ── cancelled ► CANCELLED
      │ charged                  └─ cannot be ──────► DEBT
    check ── was cancelled meanwhile ── refund ─────► REFUNDED, or REFUND_OWED
      │ stands
      └─────────────────────────────────────────────► CHARGED

Where the bank gives no clear answer the leg stays where it is: whoever carries on asks again under
the same id, for as long as it takes. Nothing is ever decided from a missing answer, for what was
sent may still arrive.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from medsettle import limits
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row, Settlement
from medsettle.errors import AccountSpent, AlreadyCancelled, Precondition
from medsettle.payments.gateway import (
    Absent,
    Charged,
    ChargeOrder,
    Declined,
    Gateway,
    Refunded,
    RefundOrder,
    StatusAnswer,
    Unknown,
)
from medsettle.payments.till_journal import (
    STANDING,
    UNFINISHED,
    IfDeclined,
    Leg,
    Step,
    TillJournal,
)


class MedicalDesk(Protocol):
    """Where claims are settled and cancelled: an engine beside the till, or a server.

    Each call may be repeated with the same request id. `TimeoutError`, `ConnectionError`,
    `Overloaded` and `LedgerUnavailable` leave it open whether it was done.
    """

    def settle(self, claim: Row) -> Settlement | Rejection:
        """Return the recorded settlement of a claim, or why there is none."""
        ...

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Take a settlement back.

        Raises:
            AlreadyCancelled: It was taken back under another request id.
            AccountSpent: What it put into the personal account has been spent since.
        """
        ...

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        ...


@dataclass
class Till:
    """Checks out claims at one desk, charging accounts through one gateway.

    `clock` dates the steps and decides nothing; `wait` pauses between questions to the bank.
    """

    journal: TillJournal
    desk: MedicalDesk
    bank: Gateway
    clock: Callable[[], datetime]
    wait: Callable[[float], None] = time.sleep

    def checkout(self, claim: Row, account: str, if_declined: IfDeclined) -> Leg:
        """Settle a claim and charge its cash to an account; return the leg, ended or not.

        The same claim again carries on with its leg, or says how it ended. A rejected one is asked
        for again, which changes nothing where the refusal is recorded: that takes a claim with a
        new request id, and its own checkout. A leg that has not ended waits for the bank; see
        `resume`.

        Args:
            claim: A claim as the engine takes it.
            account: The account to charge, 1 to BANK_ACCOUNT_CHARS_MAX characters.
            if_declined: What becomes of the settlement when the bank declines.

        Raises:
            InvalidRequest: The claim does not say who sends it under which request id.
            RequestIdReused: The request was checked out before with another claim or account.
            TimeoutError, ConnectionError, Overloaded, LedgerUnavailable: The desk is out of reach;
                the leg stays where it is.
            StoreUnavailable: The journal failed; the leg stays where it was.
        """
        leg = self.journal.begin(claim, account, if_declined, self.clock())
        if leg.step is Step.REJECTED:
            # A fault of form is not recorded, and the catalogue may have been loaded since.
            leg = self._on(leg, Step.SETTLING, "asked for again")
        return self._drive(leg)

    def resume(self) -> list[Leg]:
        """Carry on with every leg that has not ended, and with those cancelled elsewhere.

        A leg that ended with a settlement that stands is looked at again: where somebody has
        cancelled the settlement since, its charge is given back, or its debt dropped.

        Returns:
            The legs that moved or still wait, by id.

        Raises:
            TimeoutError, ConnectionError, Overloaded, LedgerUnavailable: The desk is out of reach.
            StoreUnavailable: The journal failed.
        """
        moved = [self._drive(leg) for leg in self.journal.legs(*UNFINISHED)]
        moved += [
            self._drive(self._on(leg, Step.TAKING_BACK, "cancelled elsewhere"))
            for leg in self.journal.legs(*STANDING)
            if self.desk.cancelled(_settlement(leg), leg.claim)
        ]
        return sorted(moved, key=lambda leg: leg.leg)

    def take_back(self, leg: str) -> Leg:
        """Cancel the settlement of a leg that has ended, and give back what was charged.

        Raises:
            NotFound: There is no such leg.
            Precondition: It has no settlement that stands.
            AccountSpent: The settlement cannot be cancelled; the leg is as it was.
        """
        found = self.journal.leg(leg)
        if found.step not in STANDING:
            raise Precondition(
                f"checkout {leg} is {found.step}; only one that is {', '.join(STANDING)} can be "
                "taken back",
                leg=leg,
            )
        taken = self._drive(self._on(found, Step.TAKING_BACK, "asked for"))
        if taken.step in STANDING:
            raise AccountSpent(f"checkout {leg} {taken.why}", settlement=_settlement(taken))
        return taken

    def collect(self, leg: str) -> Leg:
        """Charge the account of a leg that ended as a debt once more, under a new id.

        Raises:
            NotFound: There is no such leg.
            Precondition: It is no open debt.
        """
        found = self.journal.leg(leg)
        if found.step is not Step.DEBT:
            raise Precondition(
                f"checkout {leg} is {found.step}; only a {Step.DEBT} can be collected", leg=leg
            )
        return self._drive(
            self.journal.advance(
                found, Step.CHARGING, self.clock(), attempt=found.attempt + 1, why="debt"
            )
        )

    def _drive(self, leg: Leg) -> Leg:
        while not leg.step.ended:
            after = _TRIES[leg.step](self, leg)
            if after is None:
                break
            leg = after
        return self.journal.leg(leg.leg)

    def _settle(self, leg: Leg) -> Leg:
        answer = self.desk.settle(leg.claim)
        if isinstance(answer, Rejection):
            why = f"{answer.outcome.name}: {answer.message}"
            if answer.outcome.recorded:
                why += "; refused for good under this request id, a new request needs a new one"
            return self._on(leg, Step.REJECTED, why)
        settlement, cash_fen = str(answer.columns["settlement"]), answer.fen("cash_fen")
        step = Step.CHARGING if cash_fen else Step.NOTHING_DUE
        # Settled before, by this leg or by another till, and taken back since.
        if answer.duplicate and self.desk.cancelled(settlement, leg.claim):
            step = Step.CANCELLED
        return self.journal.advance(
            leg, step, self.clock(), settlement=settlement, cash_fen=cash_fen
        )

    def _charge(self, leg: Leg) -> Leg | None:
        order = ChargeOrder(leg.charge_id, leg.account, leg.cash_fen, _settlement(leg))
        answer = self._certain(order.id, lambda: self.bank.charge(order))
        if isinstance(answer, Unknown):
            return None
        if isinstance(answer, Charged):
            return self.journal.advance(
                leg, Step.CHECKING, self.clock(), charged=True, why=answer.reference
            )
        assert isinstance(answer, Declined), answer
        step = Step.CANCELLING if leg.if_declined is IfDeclined.CANCEL else Step.DEBT
        return self._on(leg, step, answer.reason)

    def _check(self, leg: Leg) -> Leg:
        if self.desk.cancelled(_settlement(leg), leg.claim):
            return self._on(leg, Step.REFUNDING, "cancelled elsewhere")
        return self._on(leg, Step.CHARGED, leg.why)

    def _cancel(self, leg: Leg) -> Leg:
        try:
            self._cancelled(leg)
        except AccountSpent as error:
            return self._on(leg, Step.DEBT, f"{leg.why}; {error.message}")
        return self._on(leg, Step.CANCELLED, leg.why)

    def _take_back(self, leg: Leg) -> Leg:
        try:
            self._cancelled(leg)
        except AccountSpent as error:
            # As it was: a charge or a debt stands for a settlement that stands.
            uncharged = Step.DEBT if leg.cash_fen else Step.NOTHING_DUE
            stands = Step.CHARGED if leg.charged else uncharged
            return self._on(leg, stands, f"could not be taken back: {error.message}")
        return self._on(leg, Step.REFUNDING if leg.charged else Step.CANCELLED, leg.why)

    def _refund(self, leg: Leg) -> Leg | None:
        order = RefundOrder(leg.refund_id, leg.charge_id)
        answer = self._certain(order.id, lambda: self.bank.refund(order))
        if isinstance(answer, Unknown):
            return None
        if isinstance(answer, Refunded):
            return self.journal.advance(
                leg, Step.REFUNDED, self.clock(), charged=False, why=answer.reference
            )
        assert isinstance(answer, Declined), answer
        return self._on(leg, Step.REFUND_OWED, answer.reason)

    def _cancelled(self, leg: Leg) -> None:
        try:
            self.desk.cancel(_settlement(leg), str(leg.claim["institution"]), leg.cancel_request_id)
        except AlreadyCancelled:
            # By whomever: it is what was wanted.
            return

    def _certain(self, name: str, ask: Callable[[], StatusAnswer]) -> StatusAnswer:
        """Return the bank's answer, asked for again until it is certain or asked often enough."""
        answer = ask()
        pause = limits.BANK_PAUSE_SECONDS_FIRST
        for _ in range(limits.BANK_ASKS_MAX):
            if not isinstance(answer, Unknown):
                break
            self.wait(pause)
            pause *= 2
            answer = self.bank.status(name)
            if isinstance(answer, Absent):
                # Should the first message still arrive, it has the same id and is done once.
                answer = ask()
        return answer

    def _on(self, leg: Leg, step: Step, why: str) -> Leg:
        return self.journal.advance(leg, step, self.clock(), why=why)


def _settlement(leg: Leg) -> str:
    assert leg.settlement is not None, "only a settled claim is charged"
    return leg.settlement


_TRIES: Final[dict[Step, Callable[[Till, Leg], Leg | None]]] = {
    Step.SETTLING: Till._settle,
    Step.CHARGING: Till._charge,
    Step.CHECKING: Till._check,
    Step.CANCELLING: Till._cancel,
    Step.TAKING_BACK: Till._take_back,
    Step.REFUNDING: Till._refund,
}
"""What is tried at each step that is not an end; None where the bank gave no certain answer."""
