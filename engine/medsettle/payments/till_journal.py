"""The journal of a till: every step of a checkout, recorded before it is tried.

A checkout is a *leg*: one claim, one account to charge, and what is to be done when the bank
declines. Its steps are only ever added, each with the number after the one it follows from, so that
of two processes that both carry on with a leg one is told that the other was faster.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import apsw
import orjson

from medsettle import limits
from medsettle.core.dates import microseconds
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest, NotFound, RequestIdReused, StoreUnavailable
from medsettle.ledger.side_file import (
    StoreForm,
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)

TILL_FILE: Final = "till.db"
_LEG_CHARS: Final = 24


class IfDeclined(StrEnum):
    """What the caller wants when the bank declines: the settlement cancelled, or an open debt."""

    CANCEL = "cancel"
    DEBT = "debt"


class Step(StrEnum):
    """What a leg is about to do, or where it has ended.

    About to: `SETTLING` settle the claim; `CHARGING` charge the account; `CHECKING` see whether the
    settlement still stands after the charge; `CANCELLING` cancel it, the bank having declined;
    `TAKING_BACK` cancel it because somebody asked, or because it was cancelled elsewhere;
    `REFUNDING` give the charge back.

    Ended: `REJECTED`, the claim was not settled; `NOTHING_DUE`, no cash; `CHARGED`; `DEBT`, the own
    share is open; `CANCELLED`, with no charge; `REFUNDED`, cancelled with the charge given back;
    `REFUND_OWED`, cancelled, and the bank would not give the charge back: order a refund.
    """

    SETTLING = "settling"
    CHARGING = "charging"
    CHECKING = "checking"
    CANCELLING = "cancelling"
    TAKING_BACK = "taking-back"
    REFUNDING = "refunding"
    REJECTED = "rejected"
    NOTHING_DUE = "nothing-due"
    CHARGED = "charged"
    DEBT = "debt"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    REFUND_OWED = "refund-owed"

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self not in UNFINISHED


UNFINISHED: Final = (
    Step.SETTLING,
    Step.CHARGING,
    Step.CHECKING,
    Step.CANCELLING,
    Step.TAKING_BACK,
    Step.REFUNDING,
)
STANDING: Final = (Step.CHARGED, Step.DEBT, Step.NOTHING_DUE)
"""Ends at which the settlement stands."""

_BOUNDS: Final = {"amount_fen_max": limits.AMOUNT_FEN_MAX}

_TABLES: Final = """
create table legs (
  leg text primary key,
  account text not null,
  if_declined text not null check (if_declined in ('cancel', 'debt')),
  claim blob not null,
  digest blob not null check (length(digest) = 32)
) strict, without rowid;

create table steps (
  leg text not null references legs (leg),
  number integer not null check (number >= 0),
  step text not null,
  create_time_us integer not null,
  settlement text,
  cash_fen integer not null check (cash_fen between 0 and {amount_fen_max}),
  charged integer not null check (charged in (0, 1)),
  attempt integer not null check (attempt >= 1),
  why text not null,
  primary key (leg, number)
) strict, without rowid;
create index steps_of_settlement on steps (settlement) where settlement is not null;

create trigger steps_follow_one_another before insert on steps
  when new.number <> (select coalesce(max(number) + 1, 0) from steps where leg = new.leg)
  begin select raise(abort, 'a step follows the last one'); end;
create trigger steps_are_never_changed before update on steps
  begin select raise(abort, 'steps are never changed'); end;
create trigger steps_are_never_deleted before delete on steps
  begin select raise(abort, 'steps are never deleted'); end;
create trigger legs_are_never_changed before update on legs
  begin select raise(abort, 'legs are never changed'); end;
create trigger legs_are_never_deleted before delete on legs
  begin select raise(abort, 'legs are never deleted'); end;
"""

# "MSTJ" in ASCII: tells this store from any other SQLite file.
_FORM: Final = StoreForm("a till's journal", 0x4D53_544A, 1, _TABLES.format(**_BOUNDS))

_LEGS: Final = (
    "select l.leg, l.account, l.if_declined, l.claim, s.number, s.step, s.settlement, s.cash_fen, "
    "s.charged, s.attempt, s.why from legs l join steps s on s.leg = l.leg "
    "and s.number = (select max(number) from steps t where t.leg = l.leg)"
)


@dataclass(frozen=True, slots=True)
class Leg:
    """A checkout and where it is.

    `settlement` and `cash_fen` are known once the claim is settled. `charged` says whether the bank
    has the money taken, `attempt` counts the charges tried, `why` gives the reason for the step.
    """

    leg: str
    account: str
    if_declined: IfDeclined
    claim: Row
    number: int
    step: Step
    settlement: str | None
    cash_fen: int
    charged: bool
    attempt: int
    why: str

    @property
    def charge_id(self) -> str:
        """The id under which the bank is asked for the money; a declined one is not used again."""
        return f"{self.leg}-C{self.attempt}"

    @property
    def refund_id(self) -> str:
        """The id under which the bank is asked to give it back."""
        return f"{self.leg}-R"

    @property
    def cancel_request_id(self) -> str:
        """The request id of the cancel that this step is about.

        It has the number of the step: tried twice it is the same cancel, and asked for again after
        a refusal, which is for good under its id, it is another.
        """
        return f"till-{self.leg}-{self.number}"


class TillJournal:
    """The legs of one till, in one folder. One thread uses it; so may processes."""

    def __init__(self, folder: Path) -> None:
        """Open the journal, made with its folder where there is none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(folder, "make"):
            private_folder(folder)
        self.path = folder / TILL_FILE
        self.connection = open_store(self.path, _FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        self.connection.close()

    def begin(self, claim: Row, account: str, if_declined: IfDeclined, moment: datetime) -> Leg:
        """Return the leg of a claim, recorded; the one recorded before where it is the same.

        Raises:
            InvalidRequest: The claim does not say who sends it under which request id, or the
                account is too long.
            RequestIdReused: The leg of this request has another claim, account or choice.
        """
        _check(claim, account)
        content = orjson.dumps(claim, option=orjson.OPT_SORT_KEYS)
        said = b"\0".join((content, account.encode(), str(if_declined).encode()))
        digest = sha256(said).digest()
        leg = leg_of(str(claim["institution"]), str(claim["request_id"]))
        with transaction(self.connection, self.path):
            known = rows_of(self.connection, "select digest from legs where leg = ?", leg)
            if not known:
                rows_of(
                    self.connection,
                    "insert into legs values (?,?,?,?,?)",
                    *(leg, account, str(if_declined), content, digest),
                )
                self._insert(_begun(leg, account, if_declined, claim), moment)
            elif known[0][0] != digest:
                raise RequestIdReused(
                    f"request id {claim['request_id']!r} was checked out before with another "
                    "claim, account or choice; see medsettle payments open, or use a new request "
                    "id",
                    request_id=str(claim["request_id"]),
                )
        return self.leg(leg)

    def advance(
        self,
        leg: Leg,
        step: Step,
        moment: datetime,
        *,
        why: str = "",
        settlement: str | None = None,
        cash_fen: int | None = None,
        charged: bool | None = None,
        attempt: int | None = None,
    ) -> Leg:
        """Record the next step of a leg and return the leg; what is not given stays as it is.

        Where another process has recorded one since, nothing is, and the leg is returned as it is
        now: every step may be tried twice, and the next decides by what is recorded.
        """
        try:
            with transaction(self.connection, self.path):
                after = replace(
                    leg,
                    number=leg.number + 1,
                    step=step,
                    settlement=leg.settlement if settlement is None else settlement,
                    cash_fen=leg.cash_fen if cash_fen is None else cash_fen,
                    charged=leg.charged if charged is None else charged,
                    attempt=leg.attempt if attempt is None else attempt,
                    why=why,
                )
                self._insert(after, moment)
        except StoreUnavailable as error:
            # The next number is taken: that is what this store refuses here, and nothing else.
            found = self.leg(leg.leg)
            if not isinstance(error.__cause__, apsw.ConstraintError) or found.number == leg.number:
                raise
            return found
        return self.leg(leg.leg)

    def leg(self, leg: str) -> Leg:
        """Return a leg by its id.

        Raises:
            NotFound: There is none.
        """
        found = self._legs(f"{_LEGS} where l.leg = ?", leg)
        if not found:
            raise NotFound(f"there is no checkout {leg!r}; check the id", leg=leg)
        return found[0]

    def of_settlement(self, settlement: str) -> Leg | None:
        """Return the leg that settled or found a settlement, None where no checkout did."""
        found = self._legs(
            f"{_LEGS} where l.leg in (select leg from steps where settlement = ?)",  # noqa: S608
            settlement,
        )
        return found[0] if found else None

    def legs(self, *steps: Step) -> list[Leg]:
        """Return the legs that are at one of these steps, or all, by id."""
        if not steps:
            return self._legs(f"{_LEGS} order by l.leg")
        marks = ",".join("?" * len(steps))
        return self._legs(f"{_LEGS} where s.step in ({marks}) order by l.leg", *map(str, steps))

    def steps(self, leg: str) -> list[Step]:
        """Return every step of a leg in order."""
        with unavailable(self.path, "read"):
            rows = rows_of(
                self.connection, "select step from steps where leg = ? order by number", leg
            )
        return [Step(step) for (step,) in rows]

    def _legs(self, sql: str, *values: str) -> list[Leg]:
        with unavailable(self.path, "read"):
            rows = rows_of(self.connection, sql, *values)
        return [_leg(row) for row in rows]

    def _insert(self, leg: Leg, moment: datetime) -> None:
        rows_of(
            self.connection,
            "insert into steps values (?,?,?,?,?,?,?,?,?)",
            *(
                leg.leg,
                leg.number,
                str(leg.step),
                microseconds(moment),
                leg.settlement,
                leg.cash_fen,
            ),
            *(int(leg.charged), leg.attempt, leg.why),
        )


def leg_of(institution: str, request_id: str) -> str:
    """Return the id of the leg of a request: the same request, the same leg."""
    return sha256(f"{institution}\0{request_id}".encode()).hexdigest()[:_LEG_CHARS]


def _check(claim: Row, account: str) -> None:
    faults = [
        Fault(name, f"expected 1 to {most} characters")
        for name, most in (
            ("institution", limits.CODE_CHARS_MAX),
            ("request_id", limits.REQUEST_ID_CHARS_MAX),
        )
        if not isinstance(text := claim.get(name), str) or not 1 <= len(text) <= most
    ]
    if not 1 <= len(account) <= limits.BANK_ACCOUNT_CHARS_MAX:
        most = limits.BANK_ACCOUNT_CHARS_MAX
        faults.append(Fault("pay-from", f"has {len(account)} characters, expected 1 to {most}"))
    if faults:
        raise InvalidRequest(faults)


def _begun(leg: str, account: str, if_declined: IfDeclined, claim: Row) -> Leg:
    """Return a leg before anything was tried."""
    return Leg(
        leg=leg,
        account=account,
        if_declined=if_declined,
        claim=claim,
        number=0,
        step=Step.SETTLING,
        settlement=None,
        cash_fen=0,
        charged=False,
        attempt=1,
        why="",
    )


def _leg(row: tuple[Any, ...]) -> Leg:
    name, account, if_declined, claim, number, step, settlement, *amounts, why = row
    cash_fen, charged, attempt = amounts
    return Leg(
        leg=name,
        account=account,
        if_declined=IfDeclined(if_declined),
        claim=orjson.loads(claim),
        number=number,
        step=Step(step),
        settlement=settlement,
        cash_fen=cash_fen,
        charged=bool(charged),
        attempt=attempt,
        why=why,
    )
