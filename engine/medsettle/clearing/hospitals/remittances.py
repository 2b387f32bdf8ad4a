"""What a payment is of: its claims with their slices, and the adjustments of no one claim.

The form is that of the remittance advice X12 835: claims, then provider-level adjustments (PLB),
and both together are the payment. Reserve withheld of claims is one adjustment of the code 40; the
ledger of each claim has its own.
"""

from dataclasses import dataclass, field
from datetime import date

from medsettle.clearing.hospitals.batches import Payment, batch_of
from medsettle.clearing.hospitals.deductions import Code
from medsettle.clearing.hospitals.store import Fund, HospitalStore
from medsettle.core.dates import date_of
from medsettle.errors import NotFound


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """A claim in a payment, in fen.

    `moved` is what each kind of movement comes to: instant, month, release, deduction, recovery.
    `declared_fen`, `deducted_fen` and `paid_to_date_fen` are of today, the payment included.
    """

    claim: str
    day: date
    declared_fen: int
    deducted_fen: int
    paid_to_date_fen: int
    moved: dict[str, int] = field(default_factory=dict)

    @property
    def fen(self) -> int:
        """What of the payment is for this claim, reserve withheld left aside."""
        return sum(self.moved.values())


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A part of a payment that is of no one claim: why, by which decision, and fen.

    `code` is that of a deduction, and None of an advance. `number` is that of the deduction or
    advance; the reserve has none.
    """

    code: Code | None
    number: int | None
    reason: str
    fen: int


@dataclass(frozen=True, slots=True)
class Remittance:
    """A payment with all it is of. `claims_fen` and `adjustments_fen` add up to the payment."""

    payment: Payment
    claims: tuple[ClaimLine, ...]
    adjustments: tuple[Adjustment, ...]

    @property
    def claims_fen(self) -> int:
        """What claims come to."""
        return sum(line.fen for line in self.claims)

    @property
    def adjustments_fen(self) -> int:
        """What adjustments come to, mostly negative."""
        return sum(each.fen for each in self.adjustments)


def remittance(store: HospitalStore, payment: str) -> Remittance:
    """Return what a payment is of.

    Raises:
        NotFound: There is no payment of that id.
    """
    rows = store.rows(
        "select p.payment, p.batch, p.institution, p.pooling_area, p.insurance_type, p.payer, "
        "p.fen, b.day from payments p join batches b on b.number = p.batch where p.payment = ?",
        payment,
    )
    if not rows:
        raise NotFound(
            f"there is no payment {payment!r}; see medsettle hospital batches", payment=payment
        )
    name, batch, institution, area, insurance, payer, fen, day = rows[0]
    found = Remittance(
        Payment(name, batch, institution, Fund(area, insurance, payer), fen, date_of(day)),
        tuple(_claims(store, payment)),
        tuple(_adjustments(store, payment)),
    )
    # The store would not have taken a payment that is anything else.
    assert found.claims_fen + found.adjustments_fen == found.payment.fen, found.payment
    return found


def remittances(store: HospitalStore, batch: int, institution: str | None) -> list[Remittance]:
    """Return what the payments of a batch are of, all or those of an institution.

    Raises:
        NotFound: There is no batch of that number.
    """
    return [
        remittance(store, payment.payment)
        for payment in batch_of(store, batch).payments
        if institution in {None, payment.institution}
    ]


def _claims(store: HospitalStore, payment: str) -> list[ClaimLine]:
    lines: dict[str, ClaimLine] = {}
    for claim, kind, fen, day, *amounts in store.rows(
        "select m.claim, m.kind, sum(m.fen), c.record_day, p.declared_fen, p.deducted_fen, "
        "p.paid_fen from paid d join movements m on m.number = d.movement "
        "join claims c on c.claim = m.claim join parts p on p.claim = m.claim "
        "and p.payer = m.payer where d.payment = ? and m.kind <> 'withheld' "
        "group by m.claim, m.kind order by m.claim, m.kind",
        payment,
    ):
        line = lines.setdefault(claim, ClaimLine(claim, date_of(day), *amounts))
        line.moved[kind] = fen
    return list(lines.values())


def _adjustments(store: HospitalStore, payment: str) -> list[Adjustment]:
    found = []
    for fen, claims in store.rows(
        "select sum(m.fen), count(*) from paid d join movements m on m.number = d.movement "
        "where d.payment = ? and m.kind = 'withheld' having count(*) > 0",
        payment,
    ):
        found.append(Adjustment(Code.RESERVE, None, f"reserve of {claims} claim(s)", fen))
    for code, number, reason, fen in store.rows(
        "select x.code, x.number, x.reason, sum(m.fen) from paid d "
        "join movements m on m.number = d.movement join deductions x on x.number = m.deduction "
        "where d.payment = ? and m.claim is null group by x.number order by x.number",
        payment,
    ):
        found.append(Adjustment(Code(code), number, reason, fen))
    for number, purpose, fen in store.rows(
        "select a.number, a.purpose, m.fen from paid d join movements m on m.number = d.movement "
        "join advances a on a.number = m.advance where d.payment = ? order by a.number",
        payment,
    ):
        found.append(Adjustment(None, number, f"advance for {purpose}", fen))
    return found
