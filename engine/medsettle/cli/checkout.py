"""`medsettle checkout`: settle a claim, take its cash from an account; carry on, take back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle.cli.desks import Desk, now, open_desk
from medsettle.cli.exits import Exit, Quit, UnreadableFile
from medsettle.cli.files import read_claims
from medsettle.core.money import yuan_from_fen
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row, Settlement
from medsettle.payments.sandbox_bank import BANK_FILE, SandboxBank
from medsettle.payments.till import Till
from medsettle.payments.till_journal import TILL_FILE, IfDeclined, Leg, Step, TillJournal

if TYPE_CHECKING:
    from medsettle.engine.list_folder import ListFolders

PAYMENTS_FOLDER = "payments"

_WORDS = {
    Step.CHARGED: "settled and charged",
    Step.NOTHING_DUE: "settled; no cash is due, nothing was charged",
    Step.DEBT: "settled and not charged: the own share is an open debt",
    Step.CANCELLED: "not charged, and the settlement is cancelled",
    Step.REFUNDED: "cancelled, and the charge given back",
    Step.REFUND_OWED: "cancelled, and the bank would not give the charge back; order it with "
    "`medsettle payments orders --refund SETTLEMENT`",
    Step.REJECTED: "not settled, nothing was charged; correct the claim or load the rules, and "
    "check out under a new request id",
}
_GOOD = {Step.CHARGED, Step.NOTHING_DUE}


@dataclass(frozen=True, slots=True)
class TillDesk:
    """The medical desk of a till, at a server or beside it."""

    desk: Desk

    def settle(self, claim: Row) -> Settlement | Rejection:
        """Return the recorded settlement of a claim, or why there is none."""
        (answer,) = self.desk.answers([claim], preview=False)
        return answer

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Take a settlement back."""
        return self.desk.cancel(settlement, institution, request_id)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        return self.desk.cancelled(settlement, claim)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a till works: at a server or on a data folder, by which rules, and at which bank."""

    server: str | None
    data: Path
    rules: Path
    bank: Path
    ledger: str | None = None
    lists: "ListFolders | None" = None


def run_checkout(
    console: Console,
    place: Place,
    file: Path,
    account: str,
    if_declined: IfDeclined,
    *,
    as_json: bool,
) -> None:
    """Settle the one claim of a file and charge its cash.

    Raises:
        Quit: The leg did not end charged: FINDING, or UNAVAILABLE where it waits for the bank.
        UnreadableFile: The file holds no or several claims.
    """
    claims = read_claims(file)
    if len(claims) != 1 or not isinstance(claims[0], dict):
        raise UnreadableFile(f"{file} holds {len(claims)} claims; a checkout is of one")
    with _till(place, new=True) as till:
        leg = till.checkout(claims[0], account, if_declined)
    _show(console, [leg], as_json=as_json)
    _quit([leg])


def run_resume(console: Console, place: Place, *, as_json: bool) -> None:
    """Carry on with every checkout that has not ended, or was cancelled elsewhere.

    Raises:
        Quit: A leg still waits for the bank.
    """
    with _till(place, new=False) as till:
        legs = till.resume()
    _show(console, legs, as_json=as_json)
    if any(not leg.step.ended for leg in legs):
        raise Quit(Exit.UNAVAILABLE)


def run_take_back(console: Console, place: Place, leg: str, *, as_json: bool) -> None:
    """Cancel the settlement of a checkout and give its charge back.

    Raises:
        Quit: The bank would not give it back, or has not answered.
    """
    with _till(place, new=False) as till:
        taken = till.take_back(leg)
    _show(console, [taken], as_json=as_json)
    if not taken.step.ended:
        raise Quit(Exit.UNAVAILABLE)
    if taken.step is Step.REFUND_OWED:
        raise Quit(Exit.FINDING)


def run_collect(console: Console, place: Place, leg: str, *, as_json: bool) -> None:
    """Charge an open debt once more.

    Raises:
        Quit: It stays open, or the bank has not answered.
    """
    with _till(place, new=False) as till:
        found = till.collect(leg)
    _show(console, [found], as_json=as_json)
    _quit([found])


def leg_row(leg: Leg) -> Row:
    """Return a leg as a JSON object; its account and claim stay in the journal."""
    return {
        "checkout": leg.leg,
        "state": str(leg.step),
        "ended": leg.step.ended,
        "settlement": leg.settlement,
        "cash_fen": leg.cash_fen,
        "charged": leg.charged,
        "why": leg.why,
    }


def _quit(legs: list[Leg]) -> None:
    if any(not leg.step.ended for leg in legs):
        raise Quit(Exit.UNAVAILABLE)
    if any(leg.step not in _GOOD for leg in legs):
        raise Quit(Exit.FINDING)


def _show(console: Console, legs: list[Leg], *, as_json: bool) -> None:
    for leg in legs:
        if as_json:
            console.out(orjson.dumps(leg_row(leg)).decode(), highlight=False)
            continue
        waits = f"{leg.step}; not ended: give `medsettle payments resume` when the bank answers"
        console.print(
            f"checkout {leg.leg}: {_WORDS.get(leg.step, waits)}", soft_wrap=True, highlight=False
        )
        if leg.settlement is not None:
            console.print(
                f"  settlement {leg.settlement}, {yuan_from_fen(leg.cash_fen)} yuan in cash",
                soft_wrap=True,
                highlight=False,
            )
        if leg.why:
            console.print(f"  {escape(leg.why)}", soft_wrap=True, highlight=False)
    if not legs and not as_json:
        console.print("every checkout has ended")


@contextmanager
def _till(place: Place, *, new: bool) -> Iterator[Till]:
    """Open a till: its desk, its bank and its journal; only a checkout makes folders."""
    folder = place.data / PAYMENTS_FOLDER
    for path, option in ((place.bank / BANK_FILE, "--bank"), (folder / TILL_FILE, "--data")):
        if not path.is_file() and not (new and option == "--data"):
            raise FileNotFoundError(f"there is no {path}; name the folder with {option}")
    with (
        open_desk(
            place.server,
            place.data,
            place.rules,
            new=new,
            lists=place.lists,
            ledger=place.ledger,
        ) as desk,
        SandboxBank(place.bank) as bank,
        TillJournal(folder) as journal,
    ):
        yield Till(journal, TillDesk(desk), bank, now)
