"""What an institution is paid by the case instead of by what was computed, and who bears it.

For a person insured elsewhere the receivable between two areas stays what was computed at
settlement, whatever the place of care pays its hospital by: DRG (`clr_way` 40), points (30). The
difference is the gain or loss of the place of care. It is an entry of its own kind, so it changes
what is due to the hospital and nothing that another area owes.

Source: `clearing.md` §1.3, and the codes of `clr_way` in §1.2.
"""

from dataclasses import dataclass
from typing import Final

from medsettle.clearing.hospital_reports import CASE, add_entry
from medsettle.clearing.hospital_store import Decision, Fund, HospitalStore
from medsettle.clearing.month import Month
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, Precondition

WAYS: Final = {"30": "points", "40": "DRG"}
"""清算方式 by which an institution is paid by the case."""


@dataclass(frozen=True, slots=True)
class CasePrice:
    """What one payer owes of a claim by the case: fen, at least 0, by which way (`clr_way`)."""

    claim: str
    payer: str
    way: str
    price_fen: int


@dataclass(frozen=True, slots=True)
class CaseDifference:
    """What cases of an institution and fund came to in a month, in fen.

    `receivable_fen` stays what was computed. `difference_fen` is what is paid beyond it: a loss of
    the place of care, or a gain where it is negative.
    """

    institution: str
    fund: Fund
    claims: int
    receivable_fen: int
    difference_fen: int


def price(store: HospitalStore, what: CasePrice, decision: Decision) -> int:
    """Record that a claim is paid by the case, and return the difference to what was computed.

    Raises:
        InvalidRequest: The way is none by the case, the price is below 0, or nobody decides.
        NotFound: This payer owes nothing of such a claim.
        Precondition: The claim was taken back, or is priced already.
    """
    decision.check()
    faults = []
    if what.way not in WAYS:
        faults.append(Fault("way", f"{what.way!r} is none of {', '.join(WAYS)}"))
    if what.price_fen < 0:
        faults.append(Fault("price", f"is {plain_yuan(what.price_fen)}, expected 0 or more"))
    if faults:
        raise InvalidRequest(faults)
    record = f"{what.claim}:{CASE}:{what.payer}"
    with store.change():
        part = store.part(what.claim, what.payer)
        if store.rows("select 1 from entries where record = ?", record):
            raise Precondition(
                f"{what.payer} of claim {what.claim} is priced already", claim=what.claim
            )
        if not part.declared_fen:
            raise Precondition(
                f"claim {what.claim} was taken back; nothing of it is priced", claim=what.claim
            )
        fen = what.price_fen - part.declared_fen
        day = service_day_of(decision.moment)
        ways = f"{WAYS[what.way]} ({what.way})"
        ((institution,),) = store.rows("select institution from claims where claim = ?", what.claim)
        entry = (
            *(record, what.claim, institution, CASE, day_number(day), Month.of_day(day).text),
            *(0, 0, 0, fen, f"{ways}: {plain_yuan(what.price_fen)}. {decision.reason}".strip()),
        )
        add_entry(store, entry, {what.payer: fen} if fen else {})
        return fen


def case_differences(store: HospitalStore, month: Month) -> list[CaseDifference]:
    """Return the differences of cases priced in a month, by institution and fund."""
    rows = store.rows(
        "select c.institution, c.pooling_area, c.insurance_type, s.payer, "
        "count(distinct s.claim), coalesce(sum((select sum(o.fen) from shares o join entries f "
        "on f.record = o.record where o.claim = s.claim and o.payer = s.payer "
        "and f.kind <> 'case')), 0), sum(s.fen) from entries e "
        "join shares s on s.record = e.record and s.claim = e.claim "
        "join claims c on c.claim = e.claim where e.kind = 'case' and e.month = ? "
        "group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        month.text,
    )
    return [
        CaseDifference(institution, Fund(area, insurance, payer), *amounts)
        for institution, area, insurance, payer, *amounts in rows
    ]
