"""Whatever happens to claims in whatever order, nothing is paid above what is due, or lost."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from medsettle import errors
from medsettle.clearing.hospitals.advances import Advance, advance
from medsettle.clearing.hospitals.appeals import lift
from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.bank import returned
from medsettle.clearing.hospitals.batches import Payment, pay
from medsettle.clearing.hospitals.cases import CasePrice, price
from medsettle.clearing.hospitals.deductions import (
    ClaimDeduction,
    Code,
    deduct,
    deduct_from_institution,
    deductions,
)
from medsettle.clearing.hospitals.holds import free, hold
from medsettle.clearing.hospitals.remittances import remittance
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.reserves import Assessment, assess
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import verify
from medsettle.clearing.hospitals.store import Decision, Fund, HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    AREA,
    BY,
    MARCH,
    PAYER,
    SUPPLIER,
    another_because,
    application,
    because,
    record,
    reviewed,
    terms,
)
from tests.clearing.hospital_oracle import Cut, Key, Oracle, Piece

_DAYS = st.integers(1, 28).map(lambda day: date(2026, 3, day))
_FEN = st.one_of(st.integers(1, 40), st.integers(1, 100_000))
_PICK = st.integers(0, 10**6)
_POOL = "pooled_fund"


def _fund(key: Key) -> Fund:
    return Fund(AREA, key[1], _POOL)


def _may_be_priced(piece: Piece) -> bool:
    return piece.declared > 0 and not piece.priced and not piece.cancelled


class Hospitals(RuleBasedStateMachine):
    """The store and the oracle side by side; both hear of the same things."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.store = HospitalStore(self.folder)
        self.terms = terms()
        supply(self.store, self.terms, SUPPLIER)
        self.oracle = Oracle(Fraction(60, 100), Fraction(5, 100))
        self.day = date(2026, 4, 1)
        self.count = 0
        self.cuts = 0
        self.undeclared: dict[str, set[str]] = {"H1": set(), "H2": set()}
        self.assessed: set[str] = set()
        self.paid: tuple[Payment, ...] = ()
        self.returned = False

    def teardown(self) -> None:
        """Pay what is left, and prove the store from its rows alone."""
        self.pay()
        assert [] == verify(self.store)
        self.store.close()
        shutil.rmtree(self.folder)

    def _picked(self, pick: int, able: Callable[[Piece], bool]) -> Piece | None:
        able_ones = [each for each in self.oracle.pieces.values() if able(each)]
        return able_ones[pick % len(able_ones)] if able_ones else None

    def _today(self, reason: str) -> Decision:
        return Decision("director", datetime.combine(self.day, time(), UTC), reason)

    def _next(self) -> int:
        self.count += 1
        return self.count

    @initialize(fen=_FEN, other=_FEN)
    def begin(self, fen: int, other: int) -> None:
        """Two claims of one hospital."""
        self.settle("H1", "310", fen, date(2026, 3, 10))
        self.settle("H1", "310", other, date(2026, 3, 9))

    @rule(
        institution=st.sampled_from(["H1", "H2"]),
        insurance=st.sampled_from(["310", "390"]),
        fen=_FEN,
        day=_DAYS,
    )
    def settle(self, institution: str, insurance: str, fen: int, day: date) -> None:
        """A settlement is reported."""
        number = self._next()
        facts = {"institution": institution, "insurance_type": insurance, "record_date": day}
        row = record(f"{number:04d}", fen, **facts)
        report(self.store, [row, row], BY)
        key = (institution, insurance)
        self.oracle.pieces[row["settlement"]] = Piece(
            row["settlement"], key, day_number(day), fen, computed=fen
        )
        self.undeclared[institution].add(row["settlement"])

    def _changed(self, piece: Piece, kind: str, fen: int) -> None:
        row = record(f"{piece.claim[1:]}-{self._next()}", fen)
        facts = {
            "settlement": f"X{self.count}",
            "kind": kind,
            "original": piece.claim,
            "institution": piece.key[0],
            "insurance_type": piece.key[1],
        }
        report(self.store, [row | facts], BY)
        self.undeclared[piece.key[0]].add(piece.claim)

    @rule(pick=_PICK)
    def cancel(self, pick: int) -> None:
        """A settlement is taken back, whatever has become of it."""
        piece = self._picked(pick, lambda each: each.computed > 0)
        if piece is not None:
            self._changed(piece, "cancel", -piece.computed)
            piece.cancel()

    @rule(pick=_PICK, fen=st.integers(-500, 500))
    def adjust(self, pick: int, fen: int) -> None:
        """A settlement is corrected, up or down."""
        piece = self._picked(pick, lambda each: each.computed + fen >= 0)
        if piece is not None and fen:
            self._changed(piece, "adjust", fen)
            piece.correct(fen)

    @rule(pick=_PICK, fen=_FEN)
    def case(self, pick: int, fen: int) -> None:
        """A claim is paid by the case."""
        piece = self._picked(pick, _may_be_priced)
        if piece is not None:
            change = price(self.store, CasePrice(piece.claim, _POOL, "40", fen), BY)
            assert fen - piece.declared == change
            piece.change(change)
            piece.priced = True

    @rule(pick=_PICK, fen=_FEN, code=st.sampled_from([Code.REVIEW, Code.INSPECTION, Code.OTHER]))
    def deduct(self, pick: int, fen: int, code: Code) -> None:
        """Something is deducted of a claim."""
        piece = self._picked(pick, lambda each: each.worth > 0)
        if piece is not None:
            fen = min(fen, piece.worth)
            self.cuts += 1
            what = ClaimDeduction(code, fen, day_number(self.day))
            deduct(self.store, piece.claim, _POOL, what, because("looked at"))
            piece.cut(Cut(fen, day_number(self.day), self.cuts))

    @rule(pick=_PICK)
    def hold_or_free(self, pick: int) -> None:
        """A claim is disputed, or the dispute ends."""
        piece = self._picked(pick, lambda _: True)
        if piece is not None:
            if piece.on_hold:
                free(self.store, piece.claim, another_because("it was theirs"))
            else:
                hold(self.store, piece.claim, because("disputed"))
            piece.on_hold, piece.was_held = not piece.on_hold, True

    @rule(pick=_PICK, fen=_FEN)
    def lift(self, pick: int, fen: int) -> None:
        """A deduction is given up, in part or whole, as far as its claim still bears it."""
        able = [
            (piece, cut)
            for piece in self.oracle.pieces.values()
            for cut in piece.cuts
            if cut.standing
        ]
        if not able:
            return
        piece, cut = able[pick % len(able)]
        fen = min(fen, cut.standing)
        restored = piece.lift(cut, fen)
        if restored is None:
            with pytest.raises(errors.Precondition, match="can be restored"):
                lift(self.store, cut.number, fen, self._today("appealed"))
            return
        lift(self.store, cut.number, fen, self._today("appealed"))

    @rule(pick=_PICK, fen=_FEN, later=st.integers(0, 3))
    def deduct_from_institution(self, pick: int, fen: int, later: int) -> None:
        """Something is deducted of no claim, maybe from a later day on."""
        key = self.oracle.keys[pick % len(self.oracle.keys)]
        self.cuts += 1
        day = day_number(self.day) + later
        what = ClaimDeduction(Code.INSPECTION, fen, day)
        deduct_from_institution(self.store, key[0], _fund(key), what, because("inspected"))
        self.oracle.own_cuts.setdefault(key, []).append(Cut(fen, day, self.cuts))

    @rule(pick=_PICK, part=st.integers(1, 4))
    def advance(self, pick: int, part: int) -> None:
        """A fund lends what it may, and takes it back in two instalments."""
        key = self.oracle.keys[pick % len(self.oracle.keys)]
        declared = self.store.rows(
            "select sum(s.fen) from shares s join claims c on c.claim = s.claim "
            "join entries e on e.record = s.record where c.institution = ? "
            "and c.insurance_type = ? and e.kind <> 'case' and e.month = ?",
            *(*key, MARCH.text),
        )[0][0]
        lent = sum(cut.open for cut in self.oracle.own_cuts.get(key, []) if cut.advance)
        fen = max(0, declared or 0) // part - lent
        if fen < 2:
            return
        days = [self.day + timedelta(days=1), self.day + timedelta(days=3)]
        instalments = ((days[0], fen // 2), (days[1], fen - fen // 2))
        what = Advance(key[0], _fund(key), fen, self.day, "drugs", instalments)
        advance(self.store, what, self.terms.on(self.day), BY)
        self.oracle.lent[key] = self.oracle.lent.get(key, 0) + fen
        for day, instalment in instalments:
            self.cuts += 1
            cut = Cut(instalment, day_number(day), self.cuts, advance=True)
            self.oracle.own_cuts.setdefault(key, []).append(cut)

    @rule()
    def instant(self) -> None:
        """The instant slice is approved."""
        instant(self.store, self.terms, self.day, BY)
        self.oracle.instant()

    @rule(institution=st.sampled_from(["H1", "H2"]))
    def month(self, institution: str) -> None:
        """What is not declared yet is declared, reviewed, and its month approved."""
        claims = self.undeclared[institution]
        if not claims:
            return
        number = f"D{self._next()}"
        what = application(declaration=number, institution=institution, clearing_way=number)
        reviewed(self.store, what)
        month(self.store, self.terms, MARCH, self.day, BY)
        self.oracle.month(number, claims)
        self.undeclared[institution] = set()

    @precondition(lambda self: len(self.assessed) < 2)
    @rule(
        institution=st.sampled_from(["H1", "H2"]),
        grade=st.sampled_from([("A", 100), ("B", 80), ("C", 0)]),
    )
    def assess(self, institution: str, grade: tuple[str, int]) -> None:
        """The year of a hospital is assessed, once."""
        held = any(p.held for p in self.oracle.pieces.values() if p.key[0] == institution)
        if institution in self.assessed or not held:
            return
        year = Assessment(institution, 2026, grade[0], "director")
        assess(self.store, year, self.terms.on(self.day), self.day, BY)
        self.oracle.assess(institution, Fraction(grade[1], 100))
        self.assessed.add(institution)

    @rule()
    def pay(self) -> None:
        """What is approved is paid; no claim gets a fen above what is due of it."""
        self.day += timedelta(days=1)
        before = {claim: piece.paid for claim, piece in self.oracle.pieces.items()}
        batch = pay(self.store, self.day, PAYER)
        wanted = self.oracle.pay(day_number(self.day))
        payments = () if batch is None else batch.payments
        self.paid = payments
        assert wanted == {
            (each.institution, each.fund.insurance_type): each.fen for each in payments
        }
        for each in payments:
            told = remittance(self.store, each.payment)
            assert each.fen == sum(line.fen for line in told.claims) + sum(
                adjustment.fen for adjustment in told.adjustments
            )
            for line in told.claims:
                part = self.store.part(line.claim, _POOL)
                # A deduction of the institution that a returned payment had taken has used money
                # up that would now be taken of a claim; the next payments take it.
                if not self.returned:
                    assert part.paid_fen <= max(part.due_fen, before[line.claim])
        assert all(each.fen >= 0 for each in payments)

    @rule(pick=_PICK)
    def return_and_pay_again(self, pick: int) -> None:
        """A bank returns a payment of the last run; the next one pays the same."""
        able = [
            each
            for each in self.paid
            if each.fen
            and not any(
                piece.on_hold
                for piece in self.oracle.pieces.values()
                if piece.key == (each.institution, each.fund.insurance_type)
            )
        ]
        if able:
            found = able[pick % len(able)]
            self.returned = True
            returned(self.store, found.payment, self.day, because("account closed"))
            self.oracle.give_back((found.institution, found.fund.insurance_type))
            self.claims_are_those_of_the_oracle()
            self.pay()

    @invariant()
    def claims_are_those_of_the_oracle(self) -> None:
        """Every sum of every claim, and what is open of every deduction, is the oracle's."""
        for claim, piece in self.oracle.pieces.items():
            part = self.store.part(claim, _POOL)
            assert (
                piece.declared,
                piece.forfeited,
                piece.held,
                piece.cash,
                piece.paid,
                piece.rest,
            ) == (
                part.declared_fen,
                part.forfeited_fen,
                part.held_fen,
                part.approved_fen,
                part.paid_fen,
                part.rest_fen,
            ), claim
        cuts = [cut for piece in self.oracle.pieces.values() for cut in piece.cuts]
        cuts += [cut for own in self.oracle.own_cuts.values() for cut in own]
        assert {cut.number: (cut.fen, cut.taken, cut.lapsed, cut.lifted) for cut in cuts} == {
            each.number: (each.fen, each.taken_fen, each.lapsed_fen, each.lifted_fen)
            for each in deductions(self.store)
        }


@pytest.mark.slow
def test_every_fen_is_where_the_rules_put_it() -> None:
    """Settlements, cancels, corrections, cases, deductions, advances, slices in any order."""
    run_state_machine_as_test(Hospitals, settings=settings(stateful_step_count=30))
