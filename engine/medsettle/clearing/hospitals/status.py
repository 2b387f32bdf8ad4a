"""Where a claim stands, what an institution had in a month, how far the reform got, and the proof.

Nothing here is recorded: it is read from what is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from medsettle.clearing.hospitals.declarations import Status
from medsettle.clearing.hospitals.schema import ON_HOLD
from medsettle.clearing.hospitals.store import Fund, HospitalStore, Part
from medsettle.clearing.months.month import Month
from medsettle.core.dates import date_of
from medsettle.core.money import BPS
from medsettle.errors import NotFound

TARGET_BPS: Final = 8_000
"""What part of the month's fund amount, and of institutions, is to be settled instantly by the end
of 2026. Source: immediate-settlement reform, Xinhua of 16 October 2025 (`clearing.md` §3.6)."""


class Stage(StrEnum):
    """How far a claim is: the last of these that is true of it."""

    REPORTED = "reported"
    DECLARED = "declared"
    REVIEWED = "reviewed"
    INSTANT_PAID = "instant_paid"
    MONTH_PAID = "month_paid"
    RESERVE_RELEASED = "reserve_released"
    TAKEN_BACK = "taken_back"
    """It was cancelled: nothing stands of it."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger of a claim: what was declared, decided or moved, in fen.

    `payment` is where it was paid, None of what waits and of what is no money.
    """

    kind: str
    payer: str
    fen: int
    day: date
    why: str
    payment: str | None


@dataclass(frozen=True, slots=True)
class ClaimStatus:
    """Where a claim stands: its parts (`Part`), the stage, and its ledger."""

    claim: str
    institution: str
    pooling_area: str
    insurance_type: str
    clearing_class: str
    day: date
    stage: Stage
    on_hold: bool
    declarations: tuple[tuple[str, Status], ...]
    parts: tuple[Part, ...]
    ledger: tuple[LedgerRow, ...]


def claim_status(store: HospitalStore, claim: str) -> ClaimStatus:
    """Return where a claim stands now.

    Raises:
        NotFound: It was never reported.
    """
    rows = store.rows(
        "select institution, pooling_area, insurance_type, clearing_class, "  # noqa: S608
        f"{ON_HOLD}, record_day from claims c where c.claim = ?",
        claim,
    )
    if not rows:
        raise NotFound(f"claim {claim!r} was never reported; check the id", claim=claim)
    *facts, day = rows[0]
    stands = tuple(
        (number, Status(status))
        for number, status in store.rows(
            "select distinct r.declaration, (select status from statuses s "
            "where s.declaration = r.declaration order by number desc limit 1) from declared r "
            "join entries e on e.record = r.record where e.claim = ? order by 1",
            claim,
        )
    )
    ledger = tuple(_ledger(store, claim))
    parts = tuple(store.parts(claim))
    institution, area, insurance, clearing_class, on_hold = facts
    return ClaimStatus(
        claim=claim,
        institution=institution,
        pooling_area=area,
        insurance_type=insurance,
        clearing_class=clearing_class,
        day=date_of(day),
        stage=_stage(stands, parts, ledger),
        on_hold=bool(on_hold),
        declarations=stands,
        parts=parts,
        ledger=ledger,
    )


def _stage(
    stands: tuple[tuple[str, Status], ...],
    parts: tuple[Part, ...],
    ledger: tuple[LedgerRow, ...],
) -> Stage:
    paid = {row.kind for row in ledger if row.payment is not None}
    standing = [status for _, status in stands if status is not Status.REJECTED]
    if any(row.kind == "cancel" for row in ledger) and not any(each.declared_fen for each in parts):
        return Stage.TAKEN_BACK
    if "release" in paid:
        return Stage.RESERVE_RELEASED
    # Deductions or the instant slice may have left nothing to pay of it with its month. What a bank
    # returned waits anew.
    left = any(part.rest_fen > 0 or part.approved_fen != part.paid_fen for part in parts)
    settled = not left and any(each in {Status.CLEARED, Status.PAID} for each in standing)
    if "month" in paid or settled:
        return Stage.MONTH_PAID
    if "instant" in paid:
        return Stage.INSTANT_PAID
    if any(status >= Status.REVIEWED for status in standing):
        return Stage.REVIEWED
    return Stage.DECLARED if standing else Stage.REPORTED


def _ledger(store: HospitalStore, claim: str) -> Iterator[LedgerRow]:
    """Yield everything that is recorded of a claim, by day and kind of record."""
    for kind, payer, fen, day, why, payment in store.rows(
        "select kind, payer, fen, day, why, payment from ("
        "select e.kind, s.payer, s.fen, e.record_day as day, "
        "e.record || case e.why when '' then '' else ': ' || e.why end as why, "
        "null as payment, 0 as step, 0 as number "
        "from entries e join shares s on s.record = e.record and s.claim = e.claim "
        "where e.claim = ?1 union all "
        "select 'decided', payer, -fen, from_day, 'code ' || code || ': ' || reason, null, 1, "
        "number from deductions where claim = ?1 union all "
        "select u.kind, u.payer, u.fen, u.day, coalesce('deduction ' || u.deduction, "
        "'assessment ' || u.assessment, '') || case u.why when '' then '' else ': ' || u.why end, "
        "null, 2, u.number from uses u where claim = ?1 "
        "union all select m.kind, m.payer, m.fen, m.day, "
        "coalesce('deduction ' || m.deduction, ''), d.payment, 3, m.number "
        "from movements m left join paid_for_good d on d.movement = m.number "
        "where m.claim = ?1) "
        "order by day, step, number, why",
        claim,
    ):
        yield LedgerRow(kind, payer, fen, date_of(day), why, payment)


@dataclass(frozen=True, slots=True)
class Targets:
    """How much of a month was settled instantly, in fen and institutions.

    `fund_fen` is what funds owe of the settlements of the month, `instant_fund_fen` of those with
    an instant slice, and `slices_fen` what these slices came to.
    """

    month: Month
    fund_fen: int
    instant_fund_fen: int
    slices_fen: int
    institutions: int
    instant_institutions: int

    @property
    def fund_bps(self) -> int:
        """The part of the fund amount, cut off, in 1/10,000."""
        return self.instant_fund_fen * BPS // self.fund_fen if self.fund_fen else 0

    @property
    def institutions_bps(self) -> int:
        """The part of the institutions, cut off, in 1/10,000."""
        if not self.institutions:
            return 0
        return self.instant_institutions * BPS // self.institutions

    @property
    def met(self) -> bool:
        """Whether both reach the target, compared without rounding."""
        return (
            self.instant_fund_fen * BPS >= TARGET_BPS * self.fund_fen
            and self.instant_institutions * BPS >= TARGET_BPS * self.institutions
            and self.fund_fen > 0
        )


def targets(store: HospitalStore, month: Month, designated: int | None = None) -> Targets:
    """Return how much of the settlements of a month was settled instantly.

    Args:
        store: Where they are.
        month: That of the settlements, not of their payment.
        designated: How many institutions the area has designated; without it those that settled.
    """
    ((fund, instant, slices, institutions, instant_institutions),) = store.rows(
        "with of_month as (select c.institution, p.declared_fen as fen, (select m.fen "
        "from movements m where m.claim = p.claim and m.payer = p.payer and m.kind = 'instant') "
        "as slice from entries e join claims c on c.claim = e.claim "
        "join parts p on p.claim = e.claim where e.month = ? and e.kind = 'settle') "
        "select coalesce(sum(fen), 0), coalesce(sum(case when slice is not null then fen end), 0), "
        "coalesce(sum(slice), 0), count(distinct institution), "
        "count(distinct case when slice is not null then institution end) from of_month",
        month.text,
    )
    return Targets(
        month, fund, instant, slices, max(institutions, designated or 0), instant_institutions
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """What an institution had of a fund in a month, in fen: of settlements of that month.

    `rest_fen` is what may still be approved, `waiting_fen` what is approved and not paid.
    """

    institution: str
    fund: Fund
    clearing_class: str
    claims: int
    declared_fen: int
    deducted_fen: int
    forfeited_fen: int
    held_fen: int
    paid_fen: int
    waiting_fen: int
    rest_fen: int


def statements(
    store: HospitalStore, month: Month, institution: str | None = None
) -> list[Statement]:
    """Return what institutions had of each fund and class in a month, all or those of one."""
    rows = store.rows(
        "select c.institution, c.pooling_area, c.insurance_type, p.payer, c.clearing_class, "
        "count(*), sum(p.declared_fen), sum(p.deducted_fen), sum(p.forfeited_fen), "
        "sum(p.held_fen), sum(p.paid_fen), sum(p.approved_fen - p.paid_fen), "
        "sum(p.due_fen - p.approved_fen) from entries e join claims c on c.claim = e.claim "
        "join standing p on p.claim = e.claim where e.month = ? and e.kind = 'settle' "
        "and (? is null or c.institution = ?) group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5",
        *(month.text, institution, institution),
    )
    return [
        Statement(name, Fund(area, insurance, payer), *rest)
        for name, area, insurance, payer, *rest in rows
    ]


_SUMS: Final = """
    select p.claim, p.payer from parts p where
      (p.declared_fen, p.deducted_fen, p.forfeited_fen, p.held_fen, p.approved_fen, p.paid_fen)
      is not (
        (select coalesce(sum(fen), 0) from shares where claim = p.claim and payer = p.payer),
        (select coalesce(sum(fen), 0) from deductions where claim = p.claim and payer = p.payer)
          - (select coalesce(sum(fen), 0) from uses
             where claim = p.claim and payer = p.payer and kind in ('lapsed', 'lifted')),
        (select coalesce(sum(fen), 0) from uses
          where claim = p.claim and payer = p.payer and kind = 'forfeited'),
        (select coalesce(-sum(fen), 0) from movements
          where claim = p.claim and payer = p.payer and kind in ('withheld', 'release'))
          - (select coalesce(sum(fen), 0) from uses where claim = p.claim and payer = p.payer
             and kind in ('reserve', 'returned', 'forfeited')),
        (select coalesce(sum(fen), 0) from movements where claim = p.claim and payer = p.payer),
        (select coalesce(sum(m.fen), 0) from movements m
          join paid_for_good d on d.movement = m.number
          where m.claim = p.claim and m.payer = p.payer))
    order by 1, 2"""

_PAYMENTS: Final = """
    select p.payment from payments p where p.fen <> (
      select coalesce(sum(m.fen), 0) from paid d join movements m on m.number = d.movement
      where d.payment = p.payment) order by 1"""


def verify(store: HospitalStore) -> list[str]:
    """Return what in a store is not what its rows make it: sums of claims, payments, the file."""
    found = [str(words) for (words,) in store.rows("pragma integrity_check") if words != "ok"]
    found += [
        f"{claim} {payer}: a sum is not that of its rows" for claim, payer in store.rows(_SUMS)
    ]
    found += [f"{name}: is not the sum of its movements" for (name,) in store.rows(_PAYMENTS)]
    for table, number in store.rows('select "table", rowid from pragma_foreign_key_check'):
        found.append(f"{table} {number}: refers to what is not there")
    return found
