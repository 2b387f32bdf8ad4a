"""A path is what lies there, and what is made of it once is not made again."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle.audit import LedgerFeed, Projector
from medsettle.core.arrow import claims_table
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, NotFound
from medsettle.ledger.opening import open_ledger
from medsettle.replay.history import HistoryWriter
from medsettle.replay.sources import (
    EngineData,
    SourceKind,
    Wanted,
    as_history,
    kind_of,
    make_history,
)

from tests.engine import relatives as kin
from tests.engine.engines import rule_book, settled
from tests.replay import year
from tests.service.claims import claim
from tests.service.serving import Ticking
from tests.stores import ledger_in


@pytest.fixture(scope="module", name="lived")
def _lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    folder = tmp_path_factory.mktemp("year")
    with year.lived(folder / "ledger.db", folder / "audit") as engine:
        yield engine, folder / "audit"


def _claims(path: Path, count: int = 20) -> Path:
    pq.write_table(claims_table([claim(number) for number in range(count)]), path)
    return path


def test_a_path_is_what_lies_there(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """Audit tables, claims in a file or a folder, a history; anything else is told."""
    (tmp_path / "more").mkdir()
    claims = _claims(tmp_path / "more" / "a.parquet")
    history = HistoryWriter(tmp_path / "h", {}).finish()

    assert SourceKind.AUDIT == kind_of(lived[1])
    assert SourceKind.CLAIMS == kind_of(claims) == kind_of(tmp_path / "more")
    assert SourceKind.HISTORY == kind_of(history.folder)
    for path in (tmp_path / "nowhere", tmp_path):
        if path == tmp_path:
            claims.unlink()
        with pytest.raises(NotFound, match="is no history"):
            kind_of(path)


def test_what_was_made_is_kept(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """The same source in the same way is read where it was made; another one is told."""
    engine, audit = lived
    first = as_history([audit], tmp_path / "kept")
    marked = tmp_path / "kept" / "claims" / "part-00000.parquet"
    moment = marked.stat().st_mtime_ns

    assert first == as_history([audit], tmp_path / "kept")
    assert first == as_history(EngineData(engine.ledger, audit), tmp_path / "kept")
    assert moment == marked.stat().st_mtime_ns
    with pytest.raises(InvalidRequest, match=r"has a history of other areas \(\[\]\)"):
        as_history([audit], tmp_path / "kept", Wanted(areas=frozenset({"999902"})))
    with pytest.raises(InvalidRequest, match=r"has a history of other as_of \(None\)"):
        as_history([audit], tmp_path / "kept", Wanted(as_of=5))
    with pytest.raises(InvalidRequest, match="has a history of other made_of"):
        as_history([_claims(tmp_path / "a.parquet")], tmp_path / "kept")


def test_a_file_that_was_written_again_is_another_source(tmp_path: Path) -> None:
    """Also under its name and with as many bytes: nobody is shown figures of what is gone."""
    file = _claims(tmp_path / "a.parquet")
    as_history([file], tmp_path / "kept")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(InvalidRequest, match=r"has a history of other files \(\{'name': 'a\.parq"):
        as_history([file], tmp_path / "kept")


def test_as_of_an_entry_a_ledger_may_grow(tmp_path: Path) -> None:
    """What came behind the entry is no part of the history; of another ledger it is another one.

    Nothing is projected or verified for that: a file of the audit tables may even be gone.
    """
    audit, kept = tmp_path / "audit", tmp_path / "kept"
    with open_ledger(ledger_in(tmp_path)) as ledger:
        data = EngineData(ledger, audit)
        engine = Engine(rule_book(kin.RULES), ledger, Ticking())
        for number in (1, 2, 3):
            settled(engine, kin.visit(number, "P1", 500))
        _projected(ledger, audit)
        whole = as_history(data, tmp_path / "whole")
        first = as_history([audit], kept, Wanted(as_of=2))
        assert (2, 3) == (first.rows("claims"), whole.rows("claims"))
        settled(engine, kin.visit(4, "P1", 500))
        _projected(ledger, audit)
        settled(engine, kin.visit(5, "P1", 500))
        next((audit / "settlements").rglob("*.parquet")).unlink()

        assert first == as_history(data, kept, Wanted(as_of=2))
        assert first == as_history([audit], kept, Wanted(as_of=2))
        assert not (kept / "projected").exists()
        with pytest.raises(InvalidRequest, match=r"has a history of other as_of \(2\)"):
            as_history(data, kept, Wanted(as_of=3))
        for source in (data, [audit]):
            with pytest.raises(InvalidRequest, match="has a history of other ledgers"):
                as_history(source, tmp_path / "whole")
    (tmp_path / "other").mkdir()
    with open_ledger(ledger_in(tmp_path / "other")) as ledger:
        engine = Engine(rule_book(kin.RULES), ledger, Ticking())
        for number in (1, 2, 3):
            settled(engine, kin.visit(number, "P2", 500))
        with pytest.raises(InvalidRequest, match="has a history of other ledgers"):
            as_history(EngineData(ledger, tmp_path / "none"), kept, Wanted(as_of=2))


def _projected(ledger: LedgerFeed, audit: Path) -> None:
    with Projector(ledger, audit) as projector:
        projector.run_once()


def test_claims_that_changed_are_another_source(tmp_path: Path) -> None:
    """Told by the names and sizes of the files."""
    path = _claims(tmp_path / "a.parquet")
    first = as_history([path], tmp_path / "kept")
    assert first == as_history([path], tmp_path / "kept")

    _claims(path, 40)
    with pytest.raises(InvalidRequest, match="has a history of other files"):
        as_history([path], tmp_path / "kept")


def test_a_history_is_its_own(tmp_path: Path) -> None:
    """It is read where it lies, and nothing is kept or made of it."""
    history = HistoryWriter(tmp_path / "h", {}).finish()

    assert history == as_history([tmp_path / "h"], tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    with pytest.raises(InvalidRequest, match="is a history already"):
        make_history([tmp_path / "h"], tmp_path / "kept")
    with pytest.raises(InvalidRequest, match="as_of: is for what is no history yet"):
        as_history([tmp_path / "h"], tmp_path / "kept", Wanted(as_of=3))
    with pytest.raises(InvalidRequest, match="2 histories are named"):
        as_history([tmp_path / "h", tmp_path / "h"], tmp_path / "kept")


def test_options_are_for_their_sources(lived: tuple[Engine, Path], tmp_path: Path) -> None:
    """An order for audit tables, or an area for claims, is told and nothing is made."""
    claims = _claims(tmp_path / "a.parquet")
    areas = Wanted(areas=frozenset({"999900"}), as_of=7)
    with pytest.raises(InvalidRequest, match=r"areas: is for audit tables.*as_of: is for audit"):
        make_history([claims], tmp_path / "h", areas)
    with pytest.raises(InvalidRequest, match="order_by: is for Parquet files of claims"):
        make_history([lived[1]], tmp_path / "h", Wanted(order_by="request_id"))
    with pytest.raises(InvalidRequest, match="expected sources of one kind"):
        make_history([claims, lived[1]], tmp_path / "h")
    with pytest.raises(InvalidRequest, match="found none"):
        make_history([], tmp_path / "h")
    assert not (tmp_path / "h").exists()
