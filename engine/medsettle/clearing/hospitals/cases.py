"""What an institution is paid by the case instead of by what was computed, and who bears it.

For a person insured elsewhere the receivable between two areas stays what was computed at
settlement, whatever the place of care pays its hospital by: DRG (`clr_way` 40), points (30). The
difference is the gain or loss of the place of care. It is an entry of its own kind, so it changes
what is due to the hospital and nothing that another area owes.

Source: `clearing.md` §1.3, and the codes of `clr_way` in §1.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from medsettle.clearing.hospitals.entries import Entry, add_entry
from medsettle.clearing.hospitals.store import Decision, Fund, HospitalStore
from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.month import Month
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, Precondition

CASE: Final = "case"
"""Kind of an entry: the difference between what was computed and the price of the case."""

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

    `receivable_fen` stays what was computed: of a claim that is priced what came until then, and of
    one that is changed the change. `difference_fen` is what is paid beyond it: a loss of the place
    of care, or a gain where it is negative.
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
    record = _record_of(what.claim, what.payer)
    with store.change():
        part = store.part(what.claim, what.payer)
        if store.rows("select 1 from entries where record = ?", record):
            raise Precondition(
                f"{what.payer} of claim {what.claim} is priced already", claim=what.claim
            )
        cancelled = "select 1 from entries where claim = ? and kind = 'cancel'"
        if not part.declared_fen or store.rows(cancelled, what.claim):
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


def standing_cases(store: HospitalStore, claim: str) -> dict[str, int]:
    """Return what prices of a claim add to what was computed, fen by payer; none once cancelled."""
    rows = store.rows(
        "select p.payer, coalesce((select sum(s.fen) from shares s join entries e "
        "on e.record = s.record where s.claim = p.claim and s.payer = p.payer "
        "and e.kind = 'case'), 0) from parts p where p.claim = ? "
        "and exists (select 1 from entries e where e.record = p.claim || ':case:' || p.payer) "
        "and not exists (select 1 from entries e where e.claim = p.claim and e.kind = 'cancel')",
        claim,
    )
    return dict(rows)


def change_claim(
    store: HospitalStore, entry: Entry, shares: Mapping[str, int], cases: Mapping[str, int]
) -> None:
    """Record what changes a claim, inside a change, and what becomes of its price.

    A cancel takes the difference back with the rest. A correction leaves the price as it is, so
    what is computed more is a gain of the place of care, and what is less its loss.

    Args:
        store: Where to.
        entry: The values of a row of `entries`: a cancel or an adjustment.
        shares: What it adds to each payer's part, fen, not 0.
        cases: Those of the claim (`standing_cases`).
    """
    if entry[3] == RecordKind.CANCEL:
        against = {payer: -fen for payer, fen in cases.items() if fen}
    else:
        against = {payer: -fen for payer, fen in shares.items() if payer in cases}
    # What adds comes first, for nothing that is declared may fall below 0.
    _book(store, entry, {payer: fen for payer, fen in against.items() if fen > 0})
    add_entry(store, entry, shares)
    _book(store, entry, {payer: fen for payer, fen in against.items() if fen < 0})


def _book(store: HospitalStore, of: Entry, against: Mapping[str, int]) -> None:
    """Record what an entry changes of the difference of a case, by payer."""
    record, claim, institution, kind, day, month, *_ = of
    for payer, fen in against.items():
        why = f"{kind} {record} of the claim"
        own = (_record_of(record, payer), claim, institution, CASE, day, month, 0, 0, 0, fen, why)
        add_entry(store, own, {payer: fen})


def _record_of(record: str, payer: str) -> str:
    """Return the record of the difference of a case: that of the price is told by the claim."""
    return f"{record}:{CASE}:{payer}"


def case_differences(store: HospitalStore, month: Month) -> list[CaseDifference]:
    """Return the differences of cases booked in a month, by institution and fund.

    What is booked later changes no month before it. What was computed of a claim until it was
    priced is told once, with its price; what changes it later, with the difference that it makes.
    """
    rows = store.rows(
        "select c.institution, c.pooling_area, c.insurance_type, s.payer, count(distinct s.claim), "  # noqa: S608
        f"sum({_COMPUTED}), sum(s.fen) from entries e "
        "join shares s on s.record = e.record and s.claim = e.claim "
        "join claims c on c.claim = e.claim where e.kind = 'case' and e.month = ? "
        "group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        month.text,
    )
    return [
        CaseDifference(institution, Fund(area, insurance, payer), *amounts)
        for institution, area, insurance, payer, *amounts in rows
    ]


# What was computed beside a share `s` of a difference `e`: of the entry that the difference is of,
# and with the price also of what came before it, which has no difference of its own.
_COMPUTED: Final = f"""(
  select coalesce(sum(o.fen), 0) from shares o join entries f on f.record = o.record
  where o.claim = s.claim and o.payer = s.payer and f.kind <> '{CASE}'
    and (o.record || ':{CASE}:' || o.payer = s.record
      or (s.claim || ':{CASE}:' || s.payer = s.record and f.month <= e.month and not exists (
        select 1 from entries g where g.record = o.record || ':{CASE}:' || o.payer))))"""  # noqa: S608
