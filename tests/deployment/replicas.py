"""A PostgreSQL primary and its streaming standby, either of which may be lost."""

import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import Any

import psycopg
from medsettle.torture.postgres_server import Postgres

# The standby is asked again and again until it has what it should; each question waits a moment
# inside the server.
_TRIES = 600


class Standby:
    """A copy of a primary that follows it, and can take its place."""

    def __init__(self, primary: Postgres) -> None:
        """Copy the primary, follow it, and let it wait for this copy at every commit."""
        self.folder = Path(tempfile.mkdtemp(prefix="medsettle-standby-"))
        self._data = self.folder / "data"
        self._primary = primary
        if primary.user is not None:
            shutil.chown(self.folder, primary.user)
        self._run(
            *("pg_basebackup", "-h", str(primary.folder), "-U", "postgres"),
            *("-D", str(self._data), "-R", "-X", "stream", "--checkpoint=fast"),
        )
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        self.process = subprocess.Popen(
            [
                *(str(primary.programs / "postgres"), "-D", str(self._data)),
                *("-k", str(self.folder), "-h", "", "-c", "recovery_init_sync_method=syncfs"),
            ],
            user=primary.user,
            cwd=self.folder,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        ready = any(b"ready to accept read-only" in line for line in self.process.stderr)
        assert ready, "the standby ended before it followed"
        rest = (self.process.stderr, 0)
        threading.Thread(target=deque, args=rest, daemon=True).start()
        primary.execute("alter system set synchronous_standby_names = 'FIRST 1 (*)'")
        primary.execute("select pg_reload_conf()")
        self._until(
            "select 1 from pg_stat_replication where sync_state = 'sync'", primary.url, "follows"
        )

    def promote(self) -> None:
        """Make it the primary."""
        self._ask("select pg_promote(true)", self.url)
        self._until("select 1 where not pg_is_in_recovery()", self.url, "is promoted")

    def stop(self) -> None:
        """End it and forget what it holds."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _until(self, question: str, url: str, what: str) -> None:
        for _ in range(_TRIES):
            if self._ask(question, url):
                return
            self._ask("select pg_sleep(0.05)", url)
        raise AssertionError(f"it never {what}")

    def _ask(self, question: str, url: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(question.encode()).fetchall()

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self._primary.programs / program), *words],
            user=self._primary.user,
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
