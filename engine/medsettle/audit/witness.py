"""Countersigning the checkpoints of another's log, after seeing that it only ever grew.

The witness keeps, of each log by its origin, the last checkpoint that it countersigned. That is
made durable before a signature leaves, so that it never countersigns two histories.
"""

from datetime import datetime
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsettle import durable
from medsettle.audit import notes, seals
from medsettle.audit.locking import locked
from medsettle.audit.notes import Checkpoint, NoNote, Note
from medsettle.audit.proofs import Growth, genuine
from medsettle.audit.tree import is_consistent
from medsettle.errors import AuditCorrupt, Precondition


def countersign(
    growth: Growth,
    log_key: Ed25519PublicKey,
    key: Ed25519PrivateKey,
    name: str,
    state: Path,
    now: datetime,
) -> tuple[Note, Checkpoint | None]:
    """Return a checkpoint with the cosignature of a witness, and what it saw of the log before.

    Args:
        growth: The checkpoint and the proof that it grew from the last one.
        log_key: Of the log.
        key: Of the witness.
        name: Of the witness.
        state: Its file, made where it is missing.
        now: The moment, with a time zone.

    Raises:
        AuditCorrupt: The log did not sign it; it went back; or it has another history than the one
            that was countersigned. Nothing is signed then.
        Precondition: No proof leads from the last checkpoint, or another process has the state.
        OSError: The state cannot be read or written.
    """
    notes.check_name(name)
    found = growth.checkpoint
    genuine(growth.note, found, log_key)
    durable.make_folder(state.parent)
    lock = state.with_name(f"{state.name}.lock")
    with locked(lock, f"another process countersigns with {state}; wait for it"):
        known = _read_state(state)
        last = known.get(found.origin)
        if last is not None:
            _check_growth(notes.checkpoint_of(last), growth)
        made = notes.cosigned(growth.note, name, key, int(now.timestamp()))
        known[found.origin] = made
        told = {origin: note.content().decode() for origin, note in known.items()}
        durable.put(state, orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
        durable.sync_folder(state.parent)
    return made, None if last is None else notes.checkpoint_of(last)


def last_seen(state: Path, origin: str) -> Checkpoint | None:
    """Return the last checkpoint of a log that a witness countersigned; None where none.

    Raises:
        OSError: The state cannot be read, or is none.
    """
    note = _read_state(state).get(origin)
    return None if note is None else notes.checkpoint_of(note)


def _check_growth(last: Checkpoint, growth: Growth) -> None:
    found = growth.checkpoint
    roots = (
        f"{last.origin}: countersigned was {last.size} with root {last.root.hex()}, this is "
        f"{found.size} with root {found.root.hex()}"
    )
    if found.size < last.size:
        raise AuditCorrupt(f"{roots}: the log went back. Nothing was signed")
    if found.size == last.size:
        if found.root != last.root:
            raise AuditCorrupt(f"{roots}: two histories of one length. Nothing was signed")
        return
    if growth.old != last.size:
        raise Precondition(
            f"{roots}: a proof from {last.size} is needed to see that it grew; have it made with "
            f"audit consistency {last.size}"
        )
    if not is_consistent((last.size, last.root), (found.size, found.root), growth.path):
        raise AuditCorrupt(f"{roots}: the one does not begin the other. Nothing was signed")


def _read_state(state: Path) -> dict[str, Note]:
    if not state.exists():
        return {}
    try:
        told = orjson.loads(state.read_bytes())
        return {origin: notes.read_note(note.encode()) for origin, note in told.items()}
    except (orjson.JSONDecodeError, NoNote, AttributeError) as error:
        raise OSError(f"{state} is no state of a witness: {error}") from error


def add_cosignatures(folder: Path, note: Note, witness: Ed25519PublicKey) -> Path:
    """Add what a witness returned to the checkpoint that is kept, and return its file.

    Raises:
        Precondition: No such checkpoint is kept, or the witness did not countersign it.
        OSError: The folder cannot be written.
    """
    returned = notes.checkpoint_of(note)
    path = seals.checkpoint_path(folder, returned.size)
    kept = seals.read_checkpoint(path) if path.is_file() else None
    if kept is None or kept.text != note.text:
        raise Precondition(f"{returned.named()} of {returned.origin} is not kept in {path.parent}")
    found = notes.signature_of(note, witness, notes.WITNESS_KEY)
    if found is None or not found.genuine:
        raise Precondition(f"{returned.named()} is not countersigned by the given witness")
    for each in note.signatures:
        if each.key_id == notes.key_id(each.name, notes.WITNESS_KEY, witness):
            kept = kept.with_signature(each)
    durable.put(path, kept.content())
    durable.sync_folder(path.parent)
    return path
