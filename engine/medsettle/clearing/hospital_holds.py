"""Claims in dispute: nothing of them is approved or paid until they are free; the others go on.

A dispute never stops payment of what is undisputed (`clearing.md` §2.5). What was approved of a
claim before waits, and what it was paid too much is taken back all the same. What an institution
does not confirm of persons insured elsewhere is carried in the same way (§2.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from medsettle.clearing.hospital_schema import ON_HOLD
from medsettle.clearing.hospital_store import Decision, HospitalStore
from medsettle.core.dates import date_of, day_number, service_day_of
from medsettle.errors import NotFound, Precondition


@dataclass(frozen=True, slots=True)
class Held:
    """A claim on hold: since when, for how many days, by whom and why, and the money it is about.

    `waiting_fen` is approved and not paid, `rest_fen` may still be approved, of all its payers.
    """

    claim: str
    institution: str
    since: date
    age_days: int
    decided_by: str
    reason: str
    waiting_fen: int
    rest_fen: int


def hold(store: HospitalStore, claim: str, decision: Decision) -> None:
    """Put a claim on hold.

    Raises:
        InvalidRequest: The decision does not say who and why.
        NotFound: It was never reported.
        Precondition: It is on hold.
    """
    _set(store, claim, decision, held=True)


def free(store: HospitalStore, claim: str, decision: Decision) -> None:
    """Free a claim: the next payment pays what waits, the next run of its month what is left.

    Raises:
        InvalidRequest: The decision does not say who and why.
        NotFound: It was never reported.
        Precondition: It is not on hold.
    """
    _set(store, claim, decision, held=False)


def _set(store: HospitalStore, claim: str, decision: Decision, *, held: bool) -> None:
    decision.check(reason=True)
    with store.change():
        before = store.rows(f"select {ON_HOLD} from claims c where c.claim = ?", claim)  # noqa: S608
        if not before:
            raise NotFound(f"claim {claim!r} was never reported; check the id", claim=claim)
        if bool(before[0][0]) is held:
            state = "on hold already" if held else "not on hold"
            raise Precondition(
                f"claim {claim} is {state}; see medsettle hospital held", claim=claim
            )
        _record(store, claim, decision, held=held)


def _record(store: HospitalStore, claim: str, decision: Decision, *, held: bool) -> None:
    store.add(
        "holds",
        {
            "claim": claim,
            "held": int(held),
            "day": day_number(service_day_of(decision.moment)),
            "reason": decision.reason,
            "decided_by": decision.by,
            "create_time_us": decision.moment_us,
        },
    )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What an institution says of a settlement of a person insured elsewhere (3261).

    `message` is the request id under which it says whether the settlement is `confirmed`.
    """

    claim: str
    confirmed: bool
    message: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What confirmations came to: claims put on hold, freed, left as they were, and not known."""

    held: int
    freed: int
    same: int
    unknown: int


_CONFIRMATION: Final = "3261 "


def confirm(store: HospitalStore, told: Iterable[Confirmation], decision: Decision) -> Confirmed:
    """Put on hold what institutions do not confirm, and free what they confirm after that.

    What somebody else has put on hold stays so. Told again, the same changes nothing.

    Args:
        store: Where the claims are.
        told: What stands of each settlement.
        decision: Who takes it over; the reason is the message.

    Raises:
        InvalidRequest: The decision does not say who.
    """
    decision.check()
    counts = {"held": 0, "freed": 0, "same": 0, "unknown": 0}
    with store.change():
        for each in told:
            before = store.rows(
                f"select {ON_HOLD}, (select reason from holds h "  # noqa: S608 - our own words
                "where h.claim = c.claim order by number desc limit 1) "
                "from claims c where c.claim = ?",
                each.claim,
            )
            if not before:
                counts["unknown"] += 1
                continue
            ((on_hold, why),) = before
            state = "same"
            if not each.confirmed and not on_hold:
                state = "held"
            elif each.confirmed and on_hold and why.startswith(_CONFIRMATION):
                state = "freed"
            if state != "same":
                reason = f"{_CONFIRMATION}{each.message}: "
                reason += "confirmed" if each.confirmed else "not confirmed"
                why_now = Decision(decision.by, decision.moment, reason)
                _record(store, each.claim, why_now, held=state == "held")
            counts[state] += 1
    return Confirmed(**counts)


def held(store: HospitalStore, today: date) -> list[Held]:
    """Return the claims on hold, the oldest first."""
    rows = store.rows(
        "select c.claim, c.institution, h.day, h.decided_by, h.reason, "
        "(select coalesce(sum(approved_fen - paid_fen), 0) from parts p where p.claim = c.claim), "
        "(select coalesce(sum(due_fen - approved_fen), 0) from standing p where p.claim = c.claim) "
        "from holds h join claims c on c.claim = h.claim where h.held = 1 and h.number = "
        "(select max(number) from holds o where o.claim = h.claim) order by h.day, c.claim"
    )
    return [
        Held(
            claim=claim,
            institution=institution,
            since=date_of(day),
            age_days=day_number(today) - day,
            decided_by=by,
            reason=reason,
            waiting_fen=waiting_fen,
            rest_fen=rest_fen,
        )
        for claim, institution, day, by, reason, waiting_fen, rest_fen in rows
    ]
