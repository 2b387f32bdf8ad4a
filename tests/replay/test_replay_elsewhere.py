"""Lines that another engine split are replayed as it split them, by rules that know one area."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from medsettle.audit import Projector
from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.history_check import first_fault
from medsettle.replay.layout import BASELINE, SPLIT, arrow_schema
from medsettle.replay.part import PartOptions, replay_part
from medsettle.replay.run import replay
from medsettle.replay.worlds import World
from medsettle.settle.item_use import no_values
from medsettle.settle.run import Settled, Settler

from tests.replay.made import Claim, checked, rows_of, tables_of, told
from tests.service.claims import claim, line
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, care_split, scoped
from tests.stores import ledger_in

_HOME, _PAYS_OUT = "999911", "999913"
_ITEMS = ("009902000001000990200000100", "XY01AAA001A001010100001", "C9901000000000000001")


def _stay(number: int, person: str, care: str | None) -> dict[str, Any]:
    lines = [
        line(3_000_000 * (at + 1), item_code=item, line_id=str(at))
        for at, item in enumerate(_ITEMS)
    ]
    changes = {"pooling_area": _HOME, "person": person, "visit_type": "21", "care_area": care}
    days = {"service_date": date(2024, 5, 5)}
    return checked(claim(number) | changes | days | {"lines": lines})


def test_a_split_of_another_engine_is_taken_as_it_says() -> None:
    """A stay elsewhere between two at home: its split counts as it does at the checkout."""
    rows = [_stay(1, "A", None), _stay(2, "B", CARE), _stay(3, "C", None)]
    batch = ClaimBatch.from_rows(rows)
    split = care_split(batch)[1].scope
    own = split.by_type["310"]
    splits = [
        {
            "claim": 1,
            "catalogue_digest": split.catalogue_digest,
            "charge_types": list(split.charge_types),
            "position": at,
            "item_class": [*codes.ITEM_CLASSES][own.item_class[at] - 1],
            "outside": bool(own.outside[at]),
            **{f"{name}_fen": int(own.parts[pot, at]) for pot, name in enumerate(codes.POT_NAMES)},
        }
        for at in range(len(_ITEMS))
    ]
    tables = tables_of([[Claim(row)] for row in rows])
    tables["splits"] = pa.Table.from_pylist(splits, schema=arrow_schema(SPLIT))

    found = replay_part(tables, [World(BASELINE, book_of(_HOME))], PartOptions(lines=True))

    settler = Settler(book_of(_HOME))
    results = settler.run(scoped(batch), range(3), no_values, refuse_gaps=True)
    assert [told(results[at], settler.book) for at in range(3)] == rows_of(
        found[f"claims/{BASELINE}"]
    )
    elsewhere = results[1]
    assert isinstance(elsewhere, Settled)
    lines = rows_of(found[f"lines/{BASELINE}"])[3:6]
    assert [line["in_scope_fen"] for line in elsewhere.settlement.lines] == [
        row["in_scope_fen"] for row in lines
    ]


def test_without_the_split_the_claim_is_refused() -> None:
    """Rules of home alone know no catalogue of the place of care."""
    tables = tables_of([[Claim(_stay(1, "A", CARE))]])

    (row,) = replay_part(tables, [World(BASELINE, book_of(_HOME))])[
        f"claims/{BASELINE}"
    ].to_pylist()

    assert ("CLASS_NOT_COVERED", None, 0) == (row["outcome"], row["policy"], row["total_fen"])


def test_a_claim_without_lines_that_another_engine_split_is_replayed(tmp_path: Path) -> None:
    """No line was split, so its history tells no split, and a replay asks the rules of both areas.

    Nobody else's lines are in the history either, so no table tells what a line has.
    """
    credit = {"pooling_area": _PAYS_OUT, "visit_type": "99", "wage_base_fen": 800_000}
    row = _stay(1, "A", CARE) | credit | {"lines": []}
    with open_ledger(ledger_in(tmp_path)) as ledger:
        engine = Engine(book_of(_PAYS_OUT), ledger, Ticking())
        (answer,) = engine.settle(scoped(ClaimBatch.from_rows([row])))
        assert isinstance(answer, Settlement), answer
        with Projector(ledger, tmp_path / "audit") as projector:
            projector.run_once()

    history = history_from_audit([AuditBook.in_folder(tmp_path / "audit")], tmp_path / "history")

    assert (1, 0, 0) == tuple(history.rows(each) for each in ("claims", "lines", "splits"))
    assert first_fault(history) is None
    worlds = [World(BASELINE, book_of(_PAYS_OUT, CARE))]
    found = replay(history, worlds, tmp_path / "out", PartOptions(check=True))
    assert 0 == found.differences
