"""A disk or a memory that is full is told as that, and not as a fault of what is read."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.core.arrow import claims_table
from medsettle.errors import AuditCorrupt, StoreUnavailable
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.from_claims import history_from_claims
from medsettle.replay.history_check import first_fault
from medsettle.replay.sorting import PartSize

from tests.full_disk import disk_full_after
from tests.replay.made_year import Made
from tests.service.claims import claim


def _of_audit(audit: Path, out: Path) -> Callable[[], object]:
    book = AuditBook.in_folder(audit)
    return lambda: history_from_audit([book], out)


def _of_claims(audit: Path, out: Path) -> Callable[[], object]:
    path = out.with_name("a.parquet")
    pq.write_table(claims_table([claim(number) for number in range(20)]), path)
    return lambda: history_from_claims([path], out)


@pytest.mark.parametrize("source", [_of_audit, _of_claims])
def test_a_full_disk_is_told(
    made: Made, source: Callable[[Path, Path], Callable[[], object]], tmp_path: Path
) -> None:
    """DuckDB cannot write: the folder is named, and nothing of the sorting stays in it."""
    out = tmp_path / "history"
    make = source(made.audit, out)

    with (
        disk_full_after(4_096),
        pytest.raises(StoreUnavailable, match=r"cannot compute in .*history: IO Error"),
    ):
        make()
    assert [] == [*out.iterdir()]


@pytest.mark.parametrize("source", [_of_audit, _of_claims])
def test_too_little_memory_is_told(
    made: Made,
    source: Callable[[Path, Path], Callable[[], object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the folder, too."""
    make = source(made.audit, tmp_path / "history")
    monkeypatch.setattr(limits, "HISTORY_MEMORY", "1KB")

    with pytest.raises(StoreUnavailable, match=r"cannot compute in .*history: Out of Memory"):
        make()


def test_an_audit_file_that_is_gone_is_no_full_disk(made: Made, tmp_path: Path) -> None:
    """Though DuckDB tells both alike."""
    book = AuditBook.in_folder(made.audit)
    gone = (*book.files["settlements"][1:], tmp_path / "settlements" / "gone.parquet")
    lacking = AuditBook({**book.files, "settlements": gone}, book.last_seq, book.digest)

    with pytest.raises(AuditCorrupt, match=r"audit tables cannot be read.*gone\.parquet"):
        history_from_audit([lacking], tmp_path / "history")


def test_a_check_tells_too_little_memory(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves nothing behind, neither in the history nor where it is run."""
    book = AuditBook.in_folder(made.audit)
    history = history_from_audit([book], tmp_path / "history", size=PartSize(claims=4))
    held = {*history.folder.rglob("*")}
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(limits, "HISTORY_MEMORY", "1KB")

    with pytest.raises(StoreUnavailable, match=r"cannot compute in .*: Out of Memory"):
        first_fault(history)

    assert held == {*history.folder.rglob("*")}
    assert [] == [*Path.cwd().iterdir()]
