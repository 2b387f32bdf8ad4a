"""The list of settlements by position: nothing twice, nothing left out, however it is cut."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import limits
from medsettle.audit import Projector
from medsettle.console.pages import settlement_list
from medsettle.console.pages.settlement_list import Narrowed, part_of
from medsettle.console.place import Holdings, Place
from medsettle.ledger import EntryKind, SqliteLedger

from tests.audit.records import CREATE_TIME_US, audited_entry, record

pytestmark = pytest.mark.slow


def _recorded(made: Sequence[tuple[str, bool]]) -> list[tuple[str, str | None]]:
    """Return the institution of each entry, and what it cancels: the last that still stands."""
    # Entries lie in two areas by turns, and a cancel in that of its settlement.
    standing: tuple[list[int], list[int]] = ([], [])
    found: list[tuple[str, str | None]] = []
    for number, (institution, cancels) in enumerate(made, 1):
        here = standing[number % 2]
        if cancels and here:
            found.append((institution, f"S{here.pop()}"))
        else:
            here.append(number)
            found.append((institution, None))
    return found


@contextmanager
def _held(
    entries: Sequence[tuple[str, str | None]], changes: Mapping[str, int] | None = None
) -> Iterator[Holdings]:
    """Yield a ledger with its audit tables: an entry for each institution, a cancel or not.

    `changes` are columns that all records have.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "audit").mkdir()
        with SqliteLedger(folder / "ledger.db") as ledger:
            for number, (institution, original) in enumerate(entries, 1):
                kind: EntryKind = "settle" if original is None else "cancel"
                entry = audited_entry(number, kind, original)
                own = {"institution": institution, "kind": kind, "original": original}
                written = record(number, **own, **changes or {})
                written = orjson.dumps(orjson.loads(written) | {"amounts": {}, "notices": []})
                entry = replace(entry, institution=institution, record=written)
                ledger.append([entry], CREATE_TIME_US + number)
            with Projector(ledger, folder / "audit") as projector:
                projector.run_once()
        where = Place(
            rules=folder,
            data=folder,
            ledger=folder / "ledger.db",
            state=folder,
            audit=folder / "audit",
            clearing=folder,
        )
        held = Holdings(where, lambda: datetime.now(UTC))
        try:
            yield held
        finally:
            held.close()


_LISTS = st.tuples(
    st.lists(st.tuples(st.sampled_from("HP"), st.booleans()), min_size=1, max_size=40),
    st.sampled_from(["", "H", "P"]),
    st.sampled_from(["", "settle", "cancel"]),
    st.integers(1, 9),
    st.integers(1, 6),
)


@settings(max_examples=60)
@given(_LISTS)
def test_every_settlement_stands_in_the_list_once(
    made: tuple[list[tuple[str, bool]], str, str, int, int],
) -> None:
    """Whatever it is narrowed to, however long parts and pages are, forward and back."""
    acts, institution, kind, size, page_size = made
    entries = _recorded(acts)
    with _held(entries) as held, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CONSOLE_ROWS_SHOWN", size)
        patch.setattr(limits, "PAGE_SIZE_MAX", page_size)
        # So few pages that the audit tables are asked for the rest, too.
        patch.setattr(settlement_list, "_PAGES_MAX", 3)
        wanted = [
            number
            for number, (who, original) in enumerate(entries, 1)
            if institution in {"", who} and kind in {"", "cancel" if original else "settle"}
        ][::-1]
        narrowed = Narrowed(institution=institution, kind=kind)
        seen, part = [], part_of(held, narrowed)
        while True:
            seen += [row["seq"] for row in part.rows]
            if part.older is None:
                break
            part = part_of(held, replace(narrowed, before=part.older))
        back: list[int] = []
        after: int | None = 0
        while after is not None and (part := part_of(held, replace(narrowed, after=after))).rows:
            back = [row["seq"] for row in part.rows] + back
            after = part.newer

    assert (wanted, wanted) == (seen, back)


@pytest.mark.parametrize("pages", [30, 0], ids=["ledger", "audit tables"])
@pytest.mark.parametrize(("fund_fen", "share_fen"), [(300, 100), (400, 0)])
def test_what_the_institution_bears_is_a_column_where_it_bears_something(
    monkeypatch: pytest.MonkeyPatch, pages: int, fund_fen: int, share_fen: int
) -> None:
    """Of 1,000 fen: what neither funds nor accounts, relatives' or own, nor the patient pay."""
    monkeypatch.setattr(settlement_list, "_PAGES_MAX", pages)
    others = {"account_fen": 50, "mutual_aid_fen": 150, "cash_fen": 400}
    amounts = {"total_fen": 1_000, "fund_total_fen": fund_fen, **others}
    with _held([("H", None)] * 2, amounts) as held:
        part = part_of(held, Narrowed(institution="H"))

    assert [(2, share_fen), (1, share_fen)] == [
        (row["seq"], row["institution_share_fen"]) for row in part.rows
    ]
    assert bool(share_fen) == part.shares
