"""The settlements of an institution by the day on which they were recorded, summed and compared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from medsettle import limits
from medsettle.core.dates import CHINA_STANDARD_TIME, microseconds
from medsettle.core.reconciliation import (
    Days,
    Difference,
    Reason,
    Stated,
    StatedRow,
    Totals,
    Verdict,
)
from medsettle.core.settlement import Holder, Settlement
from medsettle.ledger.entries import SETTLEMENT_KINDS, LedgerReader, Recorded
from medsettle.ledger.records import decode_columns, is_reversal


@dataclass(frozen=True, slots=True)
class InstitutionDays:
    """Reads days of institutions out of the ledger.

    A day of a large hospital is ten thousand settlements; every method may be called on another
    thread than that of the engine.
    """

    ledger: LedgerReader

    def holder_of(self, record: str) -> Holder | None:
        """Return whose a settlement, visit or other entry is; None where none has that id.

        Nothing of the record itself is read, so that whether it is another's takes as long to find
        out as whether there is any.
        """
        found = self.ledger.settlement(record)
        return None if found is None else Holder(found.institution, found.pooling_area)

    def counted(self, days: Days) -> list[Settlement]:
        """Return what belongs to the days, cancels too, in the order of the ledger."""
        return self._held(days).counted

    def _held(self, days: Days) -> "_Held":
        begin, end = _beginning(days.first), _beginning(days.last + timedelta(days=1))
        found = _Held()
        for page in self._pages(days.institution, begin, end):
            settled = [
                decode_columns(entry)
                for entry in page
                if entry.kind in SETTLEMENT_KINDS and days.pooled(entry.pooling_area)
            ]
            wanted = [each for each in settled if days.counts(each.columns)]
            cancels = self.ledger.cancels_of([_id(each) for each in wanted])
            reversed_ = {name for name, cancel in cancels.items() if is_reversal(cancel)}
            for each in wanted:
                gone = _id(each) in reversed_ or each.columns.get("reversed_request") is not None
                (found.reversed if gone else found.counted).append(each)
        return found

    def _pages(self, institution: str, begin: int, end: int) -> Iterator[list[Recorded]]:
        """Yield what an institution recorded from one moment until before another."""
        after_seq = self.ledger.seq_before(begin)
        while True:
            page = self.ledger.page(
                after_seq=after_seq,
                limit=limits.PAGE_SIZE_MAX,
                institution=institution,
                with_messages=False,
            )
            yield [entry for entry in page if begin <= entry.create_time_us < end]
            # Clocks that differ may let an entry of these days stand somewhat behind their end.
            if len(page) < limits.PAGE_SIZE_MAX or page[-1].create_time_us > _surely_after(end):
                return
            after_seq = page[-1].seq

    def totals(self, days: Days) -> Totals:
        """Return the sums of everything that belongs to the days, cancels negative."""
        return _summed(self.counted(days))

    def judged(self, days: Days, stated: Stated) -> tuple[Verdict, Totals]:
        """Return whether the sums that an institution states are ours, and ours.

        Institutions count settlements less the cancels or with them, and may have what was reversed
        on both sides; each of these is right. Where refunds are left out, they may leave out what
        was cancelled in the same days, or not.
        """
        held = self._held(days)
        if days.refunds:
            ways = [_summed(held.counted)]
        else:
            settled = [each for each in held.counted if not _is_cancel(each)]
            standing = [each for each in _unpaired(held.counted) if not _is_cancel(each)]
            ways = [_summed(standing), _summed(settled)]
        numbers = {number for own in ways for number in own.numbers}
        for own in ways:
            counts = (*own.numbers, own.numbers[1] + 2 * len(held.pairs))
            if _same(days, own, stated) and stated.number in counts:
                return Verdict.FLAT, own
        if min(numbers) <= stated.number <= max(numbers):
            return Verdict.DIFFER, ways[0]
        fewer = stated.number < min(numbers)
        return (Verdict.CENTRE_MORE if fewer else Verdict.INSTITUTION_MORE), ways[0]

    def differences(
        self,
        days: Days,
        rows: Sequence[StatedRow],
        encounter_of: Callable[[Settlement], str],
    ) -> list[Difference]:
        """Return the rows in which an institution and the ledger differ.

        Those that the institution states come first, in its order, then those that it does not, in
        the order of the ledger. What was reversed may be stated with its reversal or not at all.

        Args:
            days: What is reconciled.
            rows: What the institution has of it.
            encounter_of: Returns the visit of a settlement.
        """
        own = self._held(days)
        known = {_id(each): each for each in (*own.counted, *(e for p in own.pairs for e in p))}
        cancels = {
            str(each.columns["original"]): name for name, each in known.items() if _is_cancel(each)
        }
        found: list[Difference] = []
        seen: dict[str, StatedRow] = {}
        for row in rows:
            name = cancels.get(row.settlement, row.settlement) if row.refund else row.settlement
            settlement = known.get(name)
            if settlement is None or _is_cancel(settlement) != row.refund:
                found.append(self._alone(days, row))
            elif name in seen:
                found.append(Difference(Verdict.INSTITUTION_MORE, Reason.TWICE, row=row))
            else:
                seen[name] = row
                if differing := _differing(days, row, settlement, encounter_of):
                    found.append(
                        Difference(Verdict.DIFFER, Reason.VALUES, settlement, row, differing)
                    )
        for pair in own.pairs:
            stated = [(each, seen[_id(each)]) for each in pair if _id(each) in seen]
            if len(stated) == 1:
                found.append(Difference(Verdict.INSTITUTION_MORE, Reason.REVERSED, *stated[0]))
        for settlement in own.counted:
            refunded = _is_cancel(settlement) or _id(settlement) in cancels
            if _id(settlement) not in seen and (days.refunds or not refunded):
                found.append(Difference(Verdict.CENTRE_MORE, Reason.NOT_STATED, settlement))
        return found

    def away(self, days: Days) -> list[Settlement]:
        """Return what belongs to the days, without what was settled and cancelled within them.

        The cancel of something settled earlier stays, with its negative amounts.
        """
        return _unpaired(self.counted(days))

    def _alone(self, days: Days, row: StatedRow) -> Difference:
        """Return why a row of the institution has nothing of ours beside it."""
        entry = self.ledger.settlement(row.settlement)
        known = (
            entry is not None
            and entry.institution == days.institution
            and entry.kind in SETTLEMENT_KINDS
        )
        if entry is None or not known:
            return Difference(Verdict.INSTITUTION_MORE, Reason.UNKNOWN, row=row)
        cancel = entry if entry.kind == "cancel" else self.ledger.cancel_of(row.settlement)
        if cancel is not None and is_reversal(cancel):
            held = decode_columns(entry)
            return Difference(Verdict.INSTITUTION_MORE, Reason.REVERSED, held, row)
        if row.refund and cancel is None:
            return Difference(Verdict.INSTITUTION_MORE, Reason.NOT_REFUNDED, row=row)
        held = decode_columns(cancel if row.refund and cancel is not None else entry)
        return Difference(Verdict.INSTITUTION_MORE, Reason.OTHER_DAYS, held, row)


@dataclass
class _Held:
    """What an institution has in some days, and what of them was reversed, or reverses."""

    counted: list[Settlement] = field(default_factory=list)
    reversed: list[Settlement] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[Settlement, Settlement]]:
        """What was reversed within the days, with its reversal."""
        settled = {_id(each): each for each in self.reversed if not _is_cancel(each)}
        return [
            (settled[original], each)
            for each in self.reversed
            if (original := str(each.columns["original"])) in settled
        ]


def _beginning(day: date) -> int:
    return microseconds(datetime.combine(day, time(), CHINA_STANDARD_TIME))


def _surely_after(end: int) -> int:
    return end + limits.CLOCK_DISORDER_US


def _summed(settlements: Sequence[Settlement]) -> Totals:
    cancels = sum(map(_is_cancel, settlements))
    adjusted = sum(each.columns["kind"] == "adjust" for each in settlements)
    return Totals(
        settlements=len(settlements) - cancels - adjusted,
        cancels=cancels,
        total_fen=sum(each.fen("total_fen") for each in settlements),
        fund_fen=sum(each.fen("fund_total_fen") for each in settlements),
        account_fen=sum(each.accounts_fen for each in settlements),
        cash_fen=sum(each.fen("cash_fen") for each in settlements),
    )


def _same(days: Days, own: Totals, stated: Stated) -> bool:
    return (own.total_fen, own.fund_fen) == (stated.total_fen, stated.fund_fen) and (
        not days.accounts or own.account_fen == stated.account_fen
    )


def _unpaired(settlements: Sequence[Settlement]) -> list[Settlement]:
    """Return what is neither cancelled by one of these nor the cancel of one of these."""
    own = {_id(each) for each in settlements}
    cancelled = {str(each.columns["original"]) for each in settlements if _is_cancel(each)}
    gone = own & cancelled
    return [
        each
        for each in settlements
        if _id(each) not in gone and str(each.columns["original"]) not in gone
    ]


def _id(settlement: Settlement) -> str:
    return str(settlement.columns["settlement"])


def _is_cancel(settlement: Settlement) -> bool:
    return settlement.columns["kind"] == "cancel"


def _differing(
    days: Days, row: StatedRow, settlement: Settlement, encounter_of: Callable[[Settlement], str]
) -> tuple[str, ...]:
    own: dict[str, object] = {
        "encounter": encounter_of(settlement),
        "person": settlement.columns["person"],
        "total_fen": settlement.fen("total_fen"),
        "fund_fen": settlement.fen("fund_total_fen"),
    }
    if days.accounts:
        own["account_fen"] = settlement.accounts_fen
    return tuple(name for name, value in own.items() if getattr(row, name) != value)
