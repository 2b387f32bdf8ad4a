"""Sealing beside a server: a command that is begun now and then, in a process of its own.

Hashing in the process of the server would keep checkouts waiting.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson
import typer
from rich.console import Console

from medsettle import durable, limits
from medsettle.audit.manifest_pages import last_segment
from medsettle.cli.desks import AUDIT_FOLDER, now
from medsettle.cli.exits import say
from medsettle.core.dates import service_day_of
from medsettle.errors import AuditCorrupt
from medsettle.signing_keys import key_files, key_pems, private_key

PUBLIC_KEY_FILE: Final = key_files("seal")[1]


@dataclass(frozen=True, slots=True)
class SealKey:
    """The file of a log's private key, and the origin under which it signs."""

    file: Path
    origin: str


def seal_key(file: Path | None, origin: str | None) -> SealKey | None:
    """Return what two options name; None where they name nothing; the settings ask for both.

    Raises:
        typer.BadParameter: The origin is none.
        OSError: The file holds no private key.
    """
    from medsettle.audit.notes import NoNote, check_name  # noqa: PLC0415 - loads cryptography

    if file is None or origin is None:
        return None
    try:
        check_name(origin)
    except NoNote as error:
        raise typer.BadParameter(f"--seal-origin: {error}") from error
    private_key(file)
    return SealKey(file.resolve(), origin)


def checking_words(key: SealKey | None, data: Path) -> tuple[str, ...]:
    """Return the option by which a console checks what is signed by a key; none without one.

    The public half of the key is written into the data folder, anew at each start.

    Raises:
        OSError: The private key cannot be read, or the folder not written.
    """
    if key is None:
        return ()
    path = data / PUBLIC_KEY_FILE
    durable.put(path, key_pems(private_key(key.file))[1])
    durable.sync_folder(data)
    return "--seal-public-key", str(path)


class SealingChild:
    """Seals what a server projected, and signs ended days where it has a key."""

    def __init__(
        self, terminal: Console, data: Path, key: SealKey | None, *, as_json: bool
    ) -> None:
        """Begin nothing yet.

        Args:
            terminal: Where it is told what failed.
            data: The data folder.
            key: By which ended days are signed; None for none.
            as_json: Whether a program listens.
        """
        self._terminal = terminal
        self._data = data
        self._words = ["audit", "seal", "--data", str(data), "--json"]
        if key is not None:
            self._words += ["--key", str(key.file), "--origin", key.origin]
        self._as_json = as_json
        self._told: list[str] = []
        self._done: tuple[int, date] | None = None

    async def __call__(self) -> None:
        """Seal at once, and then now and then, until cancelled."""
        while True:
            wanted = (self._projected(), service_day_of(now()))
            if wanted[0] and wanted != self._done:
                try:
                    await self._seal(wanted)
                except OSError as error:
                    self._tell([f"cannot be begun: {error}"])
            await asyncio.sleep(limits.SEAL_POLL_SECONDS)

    def _projected(self) -> int:
        """Return how far the tables go; 0 where that cannot be told."""
        try:
            head = last_segment(self._data / AUDIT_FOLDER)
        except AuditCorrupt as error:
            self._tell([str(error)])
            return 0
        return head.segment.last_seq if head is not None else 0

    async def _seal(self, wanted: tuple[int, date]) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "medsettle.cli", *self._words),
            stdin=DEVNULL,
            stdout=PIPE,
            # Control-C is for the server; what is sealed by then is sealed.
            start_new_session=True,
        )
        try:
            said, _ = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        if process.returncode == 0:
            self._done, self._told = wanted, []
        else:
            self._tell(_messages(said) or [f"ended with exit code {process.returncode}"])

    def _tell(self, messages: list[str]) -> None:
        """Tell what failed, once for each time that it begins to."""
        if messages != self._told:
            self._told = messages
            say(self._terminal, "SEALING", messages, as_json=self._as_json)


def _messages(said: bytes) -> list[str]:
    try:
        told: Any = orjson.loads(said)
    except orjson.JSONDecodeError:
        return []
    return list(map(str, told.get("messages", []))) if isinstance(told, dict) else []
