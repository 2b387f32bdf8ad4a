"""Claims in dispute: nothing of them is approved or paid until they are free; the others go on.

A dispute never stops payment of what is undisputed (`clearing.md` §2.5). What was approved of a
claim before waits, and what it was paid too much is taken back all the same. What an institution
does not confirm of persons insured elsewhere is carried in the same way (§2.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from medsettle.clearing.hospitals.approvals import check_another
from medsettle.clearing.hospitals.schema import ON_HOLD
from medsettle.clearing.hospitals.store import Decision, HospitalStore
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
        Precondition: It is not on hold, or who decides put it there.
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
        if not held:
            ((before,),) = store.rows(
                "select decided_by from holds where claim = ? order by number desc limit 1", claim
            )
            check_another(before, f"claim {claim} was put on hold", decision)
        _record(store, claim, decision, held=held)


def _record(
    store: HospitalStore, claim: str, decision: Decision, *, held: bool, message: str | None = None
) -> None:
    store.add(
        "holds",
        {
            "claim": claim,
            "held": int(held),
            "day": day_number(service_day_of(decision.moment)),
            "reason": decision.reason,
            "message": message,
            "decided_by": decision.by,
            "create_time_us": decision.moment_us,
        },
    )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What an institution says of a settlement of a person insured elsewhere (3261).

    `message` is the request id under which it says whether the settlement is `confirmed`; `undone`
    is whether it took that message back since (3262).
    """

    claim: str
    confirmed: bool
    message: str
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What confirmations came to: claims put on hold, freed, left as they were, and not known."""

    held: int
    freed: int
    same: int
    unknown: int


def confirm(store: HospitalStore, told: Iterable[Confirmation], decision: Decision) -> Confirmed:
    """Put on hold what institutions do not confirm; free what they confirm, or do not refuse now.

    What somebody else has put on hold stays so. A message puts a claim on hold once: told again,
    it changes nothing, also where somebody has freed the claim since.

    Args:
        store: Where the claims are.
        told: What stands of each settlement, and what was undone.
        decision: Who takes it over; the reason is the message.

    Raises:
        InvalidRequest: The decision does not say who.
    """
    decision.check()
    claims: dict[str, list[Confirmation]] = {}
    for each in told:
        claims.setdefault(each.claim, []).append(each)
    counts = {"held": 0, "freed": 0, "same": 0, "unknown": 0}
    with store.change():
        for claim, said in claims.items():
            counts[_take_over(store, claim, said, decision)] += 1
    return Confirmed(**counts)


def _take_over(
    store: HospitalStore, claim: str, said: list[Confirmation], decision: Decision
) -> str:
    """Record what an institution says of one claim, and return what became of it."""
    if not store.rows("select 1 from claims where claim = ?", claim):
        return "unknown"
    before = store.rows("select held, message from holds where claim = ? order by number", claim)
    on_hold, by = before[-1] if before else (0, None)
    stands = next((each for each in said if not each.undone), None)
    if stands is not None and not stands.confirmed:
        new = stands.message not in {message for _, message in before}
        # Refused under another message than before it stays on hold, by the one that stands.
        if new and (not on_hold or by is not None):
            _say(store, claim, stands, decision, held=True)
        return "held" if new and not on_hold else "same"
    if not on_hold or by is None:
        return "same"
    lifted = stands or next((each for each in said if each.message == by), None)
    if lifted is None:
        return "same"
    _say(store, claim, lifted, decision, held=False)
    return "freed"


def _say(
    store: HospitalStore, claim: str, what: Confirmation, decision: Decision, *, held: bool
) -> None:
    """Record that a message puts a claim on hold or frees it."""
    said = "refusal undone" if what.undone else "confirmed" if what.confirmed else "not confirmed"
    why = Decision(decision.by, decision.moment, f"3261 {what.message}: {said}")
    _record(store, claim, why, held=held, message=what.message)


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
