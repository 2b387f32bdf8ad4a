"""Claims in dispute: nothing of them is approved or paid until they are free; the others go on.

A dispute never stops payment of what is undisputed (`clearing.md` §2.5). What was approved of a
claim before waits, and what it was paid too much is taken back all the same.
"""

from dataclasses import dataclass
from datetime import date

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
