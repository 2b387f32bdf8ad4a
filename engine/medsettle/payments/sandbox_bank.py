"""A bank for trying things out: accounts with balances in fen, in a SQLite file of its own.

It keeps the promises of `medsettle.payments.gateway` and can be told to behave as banks do on bad
days, for one account or for all: by a standing mode, or by a script of modes of which each call
takes one. No real money is anywhere near it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest, StoreUnavailable
from medsettle.ledger.side_file import (
    StoreForm,
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)
from medsettle.payments.gateway import (
    Absent,
    ChargeAnswer,
    Charged,
    ChargeOrder,
    Declined,
    RefundAnswer,
    Refunded,
    RefundOrder,
    StatusAnswer,
    Unknown,
)

BANK_FILE: Final = "bank.db"
EVERY_ACCOUNT: Final = "*"
"""Where a mode or script is set that holds for the whole bank."""

_BOUNDS: Final = {"amount_fen_max": limits.AMOUNT_FEN_MAX}

_TABLES: Final = """
create table accounts (
  account text primary key,
  balance_fen integer not null check (balance_fen between 0 and {amount_fen_max}),
  deposited_fen integer not null check (deposited_fen between 0 and {amount_fen_max})
) strict, without rowid;

create table operations (
  id text primary key,
  kind text not null check (kind in ('charge', 'refund')),
  account text not null,
  amount_fen integer not null check (amount_fen >= 0),
  charge text,
  reference text,
  declined text,
  constraint done_or_declined check ((reference is null) <> (declined is null))
) strict, without rowid;
create unique index operations_refund_once on operations (charge) where reference is not null;

create table modes (
  account text not null,
  place integer not null check (place >= 0),
  mode text not null,
  primary key (account, place)
) strict, without rowid;
"""

# "MSSB" in ASCII: tells this store from any other SQLite file.
_FORM: Final = StoreForm("a sandbox bank", 0x4D53_5342, 1, _TABLES.format(**_BOUNDS))


class Mode(StrEnum):
    """How the bank behaves for one call.

    `DECLINE` refuses a charge or refund. `TIMEOUT_BEFORE` gives no answer and does nothing,
    `TIMEOUT_AFTER` does it and gives no answer, `SLOW` answers late, `DOWN` is out of reach.
    """

    OK = "ok"
    DECLINE = "decline"
    TIMEOUT_BEFORE = "timeout-before"
    TIMEOUT_AFTER = "timeout-after"
    SLOW = "slow"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account: what was paid in from outside, and what is there now, in fen."""

    account: str
    deposited_fen: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Operation:
    """What the bank did or refused under one id; `amount_fen` is what it moved."""

    id: str
    kind: str
    account: str
    amount_fen: int
    charge: str | None
    declined: str | None


class SandboxBank:
    """A `Gateway` to the sandbox bank in a folder. One thread uses it; so may processes."""

    def __init__(self, folder: Path, *, wait: Callable[[float], None] = time.sleep) -> None:
        """Open the bank, made with its folder where there is none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(folder, "make"):
            private_folder(folder)
        self.path = folder / BANK_FILE
        self._wait = wait
        self._connection = open_store(self.path, _FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        self._connection.close()

    # --- what customers and testers do ---------------------------------------------------------

    def deposit(self, account: str, amount_fen: int) -> AccountState:
        """Pay money into an account, opened where there is none, and return its state.

        Args:
            account: 1 to BANK_ACCOUNT_CHARS_MAX characters, not `*`.
            amount_fen: 0 or more; no account ever holds more than AMOUNT_FEN_MAX.

        Raises:
            InvalidRequest: Account or amount are out of bounds.
        """
        known = self.account(account)
        room_fen = limits.AMOUNT_FEN_MAX - (known.deposited_fen if known else 0)
        faults = []
        if not 1 <= len(account) <= limits.BANK_ACCOUNT_CHARS_MAX or account == EVERY_ACCOUNT:
            most = limits.BANK_ACCOUNT_CHARS_MAX
            faults.append(Fault("account", f"expected 1 to {most} characters, and not '*'"))
        if not 0 <= amount_fen <= room_fen:
            faults.append(Fault("amount_fen", f"{amount_fen} fen is not in 0 to {room_fen}"))
        if faults:
            raise InvalidRequest(faults)
        with transaction(self._connection, self.path):
            self._execute(
                "insert into accounts values (?1, ?2, ?2) on conflict do update set "
                "balance_fen = balance_fen + ?2, deposited_fen = deposited_fen + ?2",
                account,
                amount_fen,
            )
        found = self.account(account)
        assert found is not None
        return found

    def behave(self, account: str, standing: Mode, script: Sequence[Mode] = ()) -> None:
        """Say how the bank behaves for an account, or for `*`: first by the script, then always.

        Raises:
            InvalidRequest: The script is longer than SANDBOX_SCRIPT_MAX.
        """
        most = limits.SANDBOX_SCRIPT_MAX
        if len(script) > most:
            raise InvalidRequest([Fault("script", f"has {len(script)} modes, at most {most}")])
        with transaction(self._connection, self.path):
            self._execute("delete from modes where account = ?", account)
            for place, mode in enumerate((standing, *script)):
                self._execute("insert into modes values (?,?,?)", account, place, str(mode))

    def account(self, account: str) -> AccountState | None:
        """Return the state of an account, None where there is none."""
        return next((each for each in self.accounts() if each.account == account), None)

    def accounts(self) -> list[AccountState]:
        """Return all accounts by name."""
        with unavailable(self.path, "read"):
            rows = self._execute(
                "select account, deposited_fen, balance_fen from accounts order by account"
            )
        return [AccountState(*row) for row in rows]

    def operations(self) -> list[Operation]:
        """Return all that was done or refused, by id."""
        with unavailable(self.path, "read"):
            rows = self._execute(
                "select id, kind, account, amount_fen, charge, declined from operations order by id"
            )
        return [Operation(*row) for row in rows]

    # --- the gateway ---------------------------------------------------------------------------

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Take money from an account, once for each id."""
        assert 0 < order.amount_fen <= limits.AMOUNT_FEN_MAX, order.amount_fen

        def declined(mode: Mode) -> str | None:
            held = self._balance(order.account)
            if held is None:
                return "no such account"
            if mode is Mode.DECLINE:
                return "refused by the account's bank"
            return "not enough money" if held < order.amount_fen else None

        answer = self._done(order.id, order.account, declined, ("charge", order.amount_fen, None))
        assert isinstance(answer, Charged | Declined | Unknown), answer
        return answer

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Give back what a charge took, once for each id and once for each charge."""
        try:
            charge = self._operation(order.charge)
        except StoreUnavailable as error:
            return Unknown(order.id, str(error))
        account, amount_fen = (charge.account, charge.amount_fen) if charge else ("", 0)

        def declined(mode: Mode) -> str | None:
            if not amount_fen:
                return f"nothing was charged under {order.charge}"
            if mode is Mode.DECLINE:
                return "refused by the account's bank"
            given = self._execute(
                "select 1 from operations where charge = ? and reference is not null", order.charge
            )
            return "given back before" if given else None

        answer = self._done(order.id, account, declined, ("refund", amount_fen, order.charge))
        assert isinstance(answer, Refunded | Declined | Unknown), answer
        return answer

    def status(self, id: str) -> StatusAnswer:
        """Return what became of the order with this id."""
        try:
            known = self._operation(id)
            with transaction(self._connection, self.path):
                mode = self._next_mode(known.account if known else EVERY_ACCOUNT)
            if mode in {Mode.DOWN, Mode.TIMEOUT_BEFORE, Mode.TIMEOUT_AFTER}:
                return Unknown(id, f"no answer ({mode})")
            self._delay(mode)
            return self._known(id) or Absent(id)
        except StoreUnavailable as error:
            return Unknown(id, str(error))

    def _done(
        self,
        name: str,
        account: str,
        declined: Callable[[Mode], str | None],
        what: tuple[str, int, str | None],
    ) -> StatusAnswer:
        """Do an operation unless its id is known, as the mode says, and return the answer."""
        kind, amount_fen, charge = what
        try:
            with transaction(self._connection, self.path):
                mode = self._next_mode(account)
                if mode in {Mode.DOWN, Mode.TIMEOUT_BEFORE}:
                    return Unknown(name, f"no answer ({mode})")
                answer = self._known(name)
                if answer is None:
                    reason = declined(mode)
                    moved_fen = 0 if reason else amount_fen
                    self._execute(
                        "update accounts set balance_fen = balance_fen + ? where account = ?",
                        moved_fen if kind == "refund" else -moved_fen,
                        account,
                    )
                    reference = None if reason else f"SB-{name}"
                    values = (name, kind, account, moved_fen, charge, reference, reason)
                    self._execute("insert into operations values (?,?,?,?,?,?,?)", *values)
                    answer = self._known(name)
            assert answer is not None
        except StoreUnavailable as error:
            return Unknown(name, str(error))
        if mode is Mode.TIMEOUT_AFTER:
            return Unknown(name, f"no answer ({mode})")
        self._delay(mode)
        return answer

    def _known(self, name: str) -> Charged | Refunded | Declined | None:
        rows = self._execute("select kind, reference, declined from operations where id = ?", name)
        if not rows:
            return None
        ((kind, reference, declined),) = rows
        if declined is not None:
            return Declined(name, declined)
        return Charged(name, reference) if kind == "charge" else Refunded(name, reference)

    def _operation(self, name: str) -> Operation | None:
        with unavailable(self.path, "read"):
            rows = self._execute(
                "select id, kind, account, amount_fen, charge, declined from operations "
                "where id = ?",
                name,
            )
        return Operation(*rows[0]) if rows else None

    def _balance(self, account: str) -> int | None:
        rows = self._execute("select balance_fen from accounts where account = ?", account)
        return int(rows[0][0]) if rows else None

    def _next_mode(self, account: str) -> Mode:
        """Take the next mode of an account's script, then of the bank's, then what stands."""
        for whose in (account, EVERY_ACCOUNT):
            rows = self._execute(
                "select place, mode from modes where account = ? and place > 0 "
                "order by place limit 1",
                whose,
            )
            if rows:
                ((place, mode),) = rows
                self._execute("delete from modes where account = ? and place = ?", whose, place)
                return Mode(mode)
        for whose in (account, EVERY_ACCOUNT):
            rows = self._execute(
                "select mode from modes where account = ? and place = 0 and mode <> 'ok'", whose
            )
            if rows:
                return Mode(rows[0][0])
        return Mode.OK

    def _delay(self, mode: Mode) -> None:
        if mode is Mode.SLOW:
            self._wait(limits.SANDBOX_SLOW_SECONDS)

    def _execute(self, sql: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, sql, *values)
