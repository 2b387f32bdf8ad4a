"""The folder of a console: accounts, sessions and the key are for nobody else to read."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from medsettle.console import framework

from tests.console.served import Served


@pytest.mark.slow
def test_a_new_folder_is_for_nobody_else(served_day: Served) -> None:
    """Also what the database keeps beside it while it is open."""
    state = served_day.data / "console"
    with contextlib.closing(sqlite3.connect(state / "console.db")) as opened:
        opened.execute("select count(*) from sqlite_master")
        files = [file for file in state.iterdir() if file.is_file()]
        modes = {file.name: file.stat().st_mode & 0o777 for file in files}

    assert 0o700 == state.stat().st_mode & 0o777
    assert {"console.db", "console.db-wal", "session.key"} <= set(modes)
    assert {0o600} == set(modes.values())


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    """Its files as well, with what they hold as it was."""
    tmp_path.chmod(0o755)
    names = ("console.db", "console.db-wal", "console.db-shm", "session.key")
    for name in names:
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o644)

    framework.keep_private(tmp_path)

    assert 0o700 == tmp_path.stat().st_mode & 0o777
    for name in names:
        assert 0o600 == (tmp_path / name).stat().st_mode & 0o777
        assert name == (tmp_path / name).read_text()
