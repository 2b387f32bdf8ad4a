"""Two engines of invented areas, the books that their audit tables are, and how these differ."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from medsettle.audit import Projector
from medsettle.books.conservation import discrepancies
from medsettle.clearing.items.item import ComparedBook, Run, Scope
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.odd_rows import OddRows
from medsettle.clearing.matching.sources_audit import audited_book
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.engine.elsewhere import Elsewhere, Taking
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import claim_digest
from medsettle.ledger.opening import open_ledger

from tests.engine.visits import AREA, DIABETES, SURGERY, line, recognition, register
from tests.engine.visits import visit_row as row_of
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, scoped

FIRST, LAST = date(2024, 5, 1), date(2024, 5, 31)
"""The days of a reconciliation; the clocks of the engines stand in May 2024."""


@dataclass
class TwoBooks:
    """The engines of the place of insurance and of the place of care, in folders of their own."""

    folder: Path
    home: Engine
    care: Engine

    @property
    def engines(self) -> Mapping[Side, Engine]:
        """Both, by whose book they keep."""
        return {Side.INSURED: self.home, Side.CARE: self.care}

    def audit(self, side: Side) -> Path:
        """Return the folder of the audit tables of a side."""
        return self.folder / f"{side}-data" / AUDIT_FOLDER

    def claim(self, number: int, **changes: object) -> ClaimBatch:
        """Return claim `number` of care in the other area, with its lines split there."""
        lines = line(1, SURGERY, 2_000), line(2, DIABETES, 100, approval="1")
        row = row_of(*lines, request_id=f"Q{number}", care_area=CARE, **changes)
        return scoped(ClaimBatch.from_rows([row]), every=False)

    def decided(self, number: int, **changes: object) -> Settlement:
        """Return a claim as the place of insurance settled it."""
        (answer,) = self.home.settle(self.claim(number, **changes))
        assert isinstance(answer, Settlement), answer
        return answer

    def taken(self, settlement: Settlement, number: int, **changes: object) -> Settlement:
        """Return the copy that the place of care takes of it."""
        row = self.claim(number, **changes).rows[0]
        asked = Asked("H1", f"Q{number}", claim_digest("settle", row), AREA, str(row["person"]))
        elsewhere = Elsewhere(self.care.ledger, self.care.log)
        (copy,) = elsewhere.take([Taking(asked, settlement, row)])
        assert isinstance(copy, Settlement), copy
        return copy

    def settled(self, number: int, **changes: object) -> Settlement:
        """Return a claim that both have."""
        answer = self.decided(number, **changes)
        self.taken(answer, number, **changes)
        return answer

    def only_at_care(self, number: int) -> Settlement:
        """Return a settlement that the place of insurance lost: another engine decided it."""
        with open_ledger(self.folder / f"lost-{number}.db") as ledger:
            lost = Engine(self.home.rulebook, ledger, Ticking())
            register(lost, recognition())
            (answer,) = lost.settle(self.claim(number))
        assert isinstance(answer, Settlement), answer
        return self.taken(answer, number)

    def project(self) -> None:
        """Bring the audit tables of both to the end of their ledgers."""
        for side, engine in self.engines.items():
            with Projector(engine.ledger, self.audit(side)) as projector:
                while projector.run_once():
                    pass

    def books(self) -> dict[Side, pa.Table]:
        """Return both books, out of their audit tables."""
        self.project()
        found = {}
        for side in self.engines:
            book = audited_book(side, [self.audit(side)])
            found[side] = book.reader(book.columns).read_all()
        return found

    def differences(self) -> pa.Table:
        """Return in what the books differ; every row is looked at."""
        books = self.books()
        columns = {side: frozenset(table.schema.names) for side, table in books.items()}
        return classify(OddRows(books, columns))

    def reconciled(self, store: ItemStore) -> Run:
        """Compare both and record the run."""
        sides = tuple(
            ComparedBook(side, str(side), table.num_rows, "0" * 32)
            for side, table in self.books().items()
        )
        scope = Scope("home-with-care", FIRST, LAST, "join", sides)
        return store.record_run(scope, self.differences(), 0, self.home.now())

    def assert_sound(self) -> None:
        """Assert that both ledgers and their audit tables obey every law of theirs."""
        self.project()
        for side, engine in self.engines.items():
            reader: Any = engine.ledger
            assert [] == list(discrepancies(reader, self.audit(side))), side


def with_other_amounts(world: TwoBooks, number: int, fen: int) -> None:
    """Let care have a copy in which the pool pays less and the person more."""
    answer = world.decided(number)
    columns = dict(answer.columns)
    for name, sign in (
        ("pooled_fund_fen", -1),
        ("fund_total_fen", -1),
        ("person_total_fen", 1),
        ("cash_fen", 1),
    ):
        columns[name] = answer.fen(name) + sign * fen
    payers = [
        row | {"paid_fen": int(str(row["paid_fen"])) - fen * (row["payer"] == "pooled_fund")}
        for row in answer.payers
    ]
    world.taken(replace(answer, columns=columns, payers=payers), number)


@contextmanager
def two_books(folder: Path) -> Iterator[TwoBooks]:
    """Yield both engines with new ledgers, or those that are there."""
    for side in (Side.INSURED, Side.CARE):
        (folder / f"{side}-data").mkdir(parents=True, exist_ok=True)
    with (
        open_ledger(folder / "insured-data" / LEDGER_FILE) as home,
        open_ledger(folder / "care-data" / LEDGER_FILE) as care,
    ):
        found = TwoBooks(
            folder,
            Engine(book_of(AREA), home, Ticking()),
            Engine(book_of(CARE), care, Ticking()),
        )
        if home.last_seq() == 0:
            register(found.home, recognition())
        yield found
