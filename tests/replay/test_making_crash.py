"""A process that dies while it makes a history leaves none, and nothing that the next one meets."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from medsettle.errors import NotFound
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.history import History

from tests.replay import year
from tests.replay.dying_maker import SIZE, STEPS

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="audit")
def _audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("year")
    with year.lived(folder / "ledger.db", folder / "audit"):
        return folder / "audit"


@pytest.mark.parametrize("step", STEPS)
def test_no_half_history_is_left(audit: Path, step: str, tmp_path: Path) -> None:
    """Killed in a part, between parts or before the manifest, it is made again, and is the same."""
    out = tmp_path / "killed"
    words = [sys.executable, "-m", "tests.replay.dying_maker", str(audit), str(out), step]
    died = subprocess.run(words, cwd=_ROOT, check=False)
    assert -signal.SIGKILL == died.returncode
    with pytest.raises(NotFound, match="no history was finished in this folder"):
        History.open(out)
    (out / "claims" / "part-00099.parquet").write_bytes(b"of more parts than there are now")

    again = history_from_audit([AuditBook.in_folder(audit)], out, size=SIZE)

    fresh = history_from_audit([AuditBook.in_folder(audit)], tmp_path / "fresh", size=SIZE)
    assert fresh.digest == again.digest
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {"history.json", *(file.path for part in again.parts for file in part.files)} == found
