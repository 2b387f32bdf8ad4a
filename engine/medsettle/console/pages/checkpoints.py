"""What is sealed of the audit tables, the newest checkpoints, and who signed them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.utils.translation import gettext_lazy as _

from medsettle.audit import notes, seals
from medsettle.audit.findings import Altered
from medsettle.audit.notes import Checkpoint, Note
from medsettle.errors import AuditCorrupt
from medsettle.signing_keys import fingerprint_of, public_key

SHOWN: Final = 10
_MOMENT_BYTES: Final = 8

ALTERED: Final = {
    Altered.ROW_CHANGED: _("row changed"),
    Altered.ROW_DROPPED: _("row dropped"),
    Altered.ROW_INSERTED: _("row inserted"),
    Altered.ROWS_REORDERED: _("rows reordered"),
    Altered.ENTRY: _("entry changed"),
    Altered.BYTES: _("bytes changed"),
    Altered.UNREADABLE: _("unreadable"),
    Altered.FILE_MISSING: _("file missing"),
    Altered.FILE_ADDED: _("file added"),
    Altered.FILE_SWAPPED: _("file swapped"),
    Altered.MANIFEST: _("manifest changed"),
    Altered.SEAL: _("seal changed"),
    Altered.CHECKPOINT: _("checkpoint contradicted"),
    Altered.NO_CHECKPOINT: _("checkpoint missing"),
    Altered.ROLLED_BACK: _("rolled back"),
    Altered.FORGED: _("signature forged"),
    Altered.UNSIGNED: _("signature missing"),
}
"""What became of what was sealed, in the language of the page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A checkpoint as it is listed: what it says, and who is said to have countersigned it when.

    Whether a signature is genuine is found out where the tables are verified by a key.
    """

    checkpoint: Checkpoint
    day: str | None
    signed: bool
    countersigned: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class SealedState:
    """How many entries are sealed, with the newest checkpoints, or why that cannot be told."""

    size: int
    newest: tuple[Shown, ...]
    fault: str | None = None


def sealed_state(folder: Path) -> SealedState:
    """Return what is sealed of an audit folder; what is wrong with it is told, and not raised."""
    try:
        sealed = seals.last_seal(folder)
        paths = seals.checkpoint_paths(folder)[: -SHOWN - 1 : -1]
        newest = tuple(_shown(seals.read_checkpoint(path)) for path in paths)
    except (AuditCorrupt, OSError) as error:
        return SealedState(0, (), str(error))
    return SealedState(sealed.last_seq if sealed is not None else 0, newest)


def fingerprint(key: Path | None) -> str:
    """Return the fingerprint of the key of the log; empty where none is known or it is none now."""
    try:
        return "" if key is None else fingerprint_of(public_key(key))
    except OSError:
        return ""


def _shown(note: Note) -> Shown:
    checkpoint = notes.checkpoint_of(note)
    own = [each for each in note.signatures if each.name == checkpoint.origin]
    others = [each for each in note.signatures if each not in own]
    seen = tuple((each.name, _moment(each.signature)) for each in others)
    return Shown(checkpoint, checkpoint.told("day"), bool(own), seen)


def _moment(signature: bytes) -> datetime:
    """Return when a cosignature says that it was made; a moment beyond any calendar is the last."""
    seconds = int.from_bytes(signature[:_MOMENT_BYTES], "big")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 1, 1, tzinfo=UTC)
