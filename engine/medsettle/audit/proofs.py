"""Proofs that stand alone: that an entry is under a checkpoint, that one tree begins another.

A proof of an entry is a file as c2sp.org/tlog-proof has it, with the entry's rows as its extra
data: whoever has the file and the key of the log works the leaf out of the rows, the root out of
leaf and path, and holds it to the signed checkpoint.

A proof of growth is what a witness is sent (c2sp.org/tlog-witness): `old` and a size, the hashes,
an empty line, and the newer checkpoint.
"""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow.compute as pc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from medsettle import limits
from medsettle.audit import notes, seals
from medsettle.audit.leaves import (
    RowDigests,
    entry_leaves,
    row_digests,
    rows_as_json,
    rows_of_json,
)
from medsettle.audit.manifest import read_segments
from medsettle.audit.notes import Checkpoint, NoNote, Note, Signers
from medsettle.audit.query import connect
from medsettle.audit.segments import in_leaf_order, partition_of, read_parquet
from medsettle.audit.tree import root_of_path
from medsettle.errors import AuditCorrupt, NotFound, Precondition

PROOF_SUFFIX: Final = ".tlog-proof"
_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "
_OLD: Final = "old "


class NoProof(ValueError):
    """A file is no proof; the message says why."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof showed: an entry with its rows, and the checkpoint that it is under."""

    seq: int
    tables: tuple[dict[str, Any], ...]
    checkpoint: Checkpoint
    signer: Signers
    witnesses: tuple[Signers, ...]


def seq_of(folder: Path, settlement: str) -> int:
    """Return the entry that recorded a settlement.

    Raises:
        NotFound: The audit tables have none of this id.
        AuditCorrupt: They cannot be read.
    """
    with connect(folder) as connection:
        query = "select min(seq) from settlements where settlement = ?"
        found = connection.execute(query, [settlement]).fetchone()
    if found is None or found[0] is None:
        raise NotFound(f"the audit tables have no settlement {settlement}; look at its id")
    return int(found[0])


def entry_proof(folder: Path, seq: int) -> bytes:
    """Return the proof of an entry under the newest checkpoint.

    Raises:
        Precondition: No checkpoint is over the entry.
        AuditCorrupt: Rows, leaf or root are not those that were signed.
    """
    note, checkpoint = _newest(folder)
    if not 1 <= seq <= checkpoint.size:
        raise Precondition(
            f"entry {seq} is under no checkpoint: the newest is over 1 to {checkpoint.size}; sign "
            "another with audit seal --key --now"
        )
    told, digests = _rows_of(folder, seq)
    (leaf,) = entry_leaves(seq, seq, digests)
    sealed = seals.read_seals(folder)
    with seals.opened_tree(folder, sealed[-1].last_seq if sealed else 0) as tree:
        if checkpoint.size > tree.size:
            raise AuditCorrupt(
                f"{checkpoint.named()} is over more than is sealed; see audit verify"
            )
        path = tree.inclusion(seq - 1, checkpoint.size)
    if root_of_path(leaf, seq - 1, checkpoint.size, path) != checkpoint.root:
        raise AuditCorrupt(
            f"entry {seq} does not come to the root of {checkpoint.named()}: something was "
            "altered. See audit verify",
            seq=str(seq),
        )
    extra = b64encode(orjson.dumps({"seq": seq, "tables": told})).decode()
    head = [_FIRST_LINE, f"{_EXTRA}{extra}", f"{_INDEX}{seq - 1}"]
    return _lines([*head, *map(_text, path), ""]) + note.content()


def _newest(folder: Path) -> tuple[Note, Checkpoint]:
    paths = seals.checkpoint_paths(folder)
    if not paths:
        raise Precondition("no checkpoint was signed yet; sign one with audit seal --key --now")
    note = seals.read_checkpoint(paths[-1])
    return note, notes.checkpoint_of(note)


def _rows_of(folder: Path, seq: int) -> tuple[list[dict[str, Any]], list[RowDigests]]:
    within = [each for each in read_segments(folder) if each.first_seq <= seq <= each.last_seq]
    told, digests = [], []
    for file in in_leaf_order(within[0].files) if within else []:
        rows = read_parquet((folder / file.path).read_bytes())
        own = rows.filter(pc.equal(rows.column("seq"), seq))
        if own.num_rows:
            partition = partition_of(file.path)
            told.append(rows_as_json(file.table, partition, own))
            digests.append(row_digests(file.table, partition, own))
    return told, digests


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def check_entry_proof(
    content: bytes, key: Ed25519PublicKey, witnesses: tuple[Ed25519PublicKey, ...] = ()
) -> Proven:
    """Return what a proof shows, worked out from the file and the keys alone.

    Args:
        content: The file.
        key: Of the log.
        witnesses: Who must have countersigned the checkpoint.

    Raises:
        NoProof: It is no such file.
        AuditCorrupt: It does not hold: rows, path or signature are not of one checkpoint.
    """
    if len(content) > (most := limits.PROOF_BYTES_MAX):
        raise NoProof(f"has {len(content):,} bytes, more than any proof ({most:,})")
    head, note, checkpoint = _parts(content)
    if len(head) < len(("first", "extra", "index")) or head[0] != _FIRST_LINE:
        raise NoProof(f"does not begin with the line {_FIRST_LINE}")
    _, extra, index, *hashes = head
    if not extra.startswith(_EXTRA) or not index.startswith(_INDEX):
        raise NoProof("has no lines for the rows and for the index of the entry")
    try:
        at = notes.number_of_line(index.removeprefix(_INDEX))
        path = [notes.hash_of_line(each) for each in hashes]
        told = orjson.loads(b64decode(extra.removeprefix(_EXTRA), validate=True))
        seq, tables = told["seq"], tuple(told["tables"])
        files = [row_digests(*rows_of_json(each)) for each in tables]
    except (NoNote, binascii.Error, ValueError, KeyError, TypeError) as error:
        raise NoProof(f"cannot be read: {error}") from error
    if seq != at + 1 or any((each.seqs != seq).any() for each in files):
        raise AuditCorrupt(f"the rows are not all of entry {at + 1}, which the proof is of")
    (leaf,) = entry_leaves(seq, seq, files)
    if root_of_path(leaf, at, checkpoint.size, path) != checkpoint.root:
        raise AuditCorrupt(
            f"the rows of entry {seq} do not come to the root of {checkpoint.named()}: a row, the "
            "path or the checkpoint is another than was signed",
            seq=str(seq),
        )
    signer = genuine(note, checkpoint, key)
    seen = tuple(_witness(note, checkpoint, each) for each in witnesses)
    return Proven(seq, tables, checkpoint, signer, seen)


def genuine(note: Note, checkpoint: Checkpoint, key: Ed25519PublicKey) -> Signers:
    """Return the signature of the log under a checkpoint.

    Raises:
        AuditCorrupt: The key did not sign it, or not under its origin.
    """
    found = notes.signature_of(note, key, notes.LOG_KEY)
    if found is None or not found.genuine or found.name != checkpoint.origin:
        raise AuditCorrupt(
            f"{checkpoint.named()} of {checkpoint.origin} is not signed by the given key of the "
            "log: it is another log's, or was changed"
        )
    return found


def _witness(note: Note, checkpoint: Checkpoint, key: Ed25519PublicKey) -> Signers:
    found = notes.signature_of(note, key, notes.WITNESS_KEY)
    if found is None or not found.genuine:
        raise AuditCorrupt(f"{checkpoint.named()} is not countersigned by a given witness")
    return found


def _parts(content: bytes) -> tuple[list[str], Note, Checkpoint]:
    """Return the lines before a checkpoint, and the checkpoint."""
    head, separator, rest = content.partition(b"\n\n")
    if not separator:
        raise NoProof("has no empty line before a checkpoint")
    try:
        note = notes.read_note(rest)
        checkpoint = notes.checkpoint_of(note)
        lines = head.decode().split("\n")
    except (NoNote, UnicodeDecodeError) as error:
        raise NoProof(f"holds no checkpoint: it {error}") from error
    hashes = len(lines) - len(("first", "extra", "index"))
    if hashes > limits.PROOF_HASHES_MAX:
        raise NoProof(f"has {hashes} hashes, at most {limits.PROOF_HASHES_MAX}")
    return lines, note, checkpoint


@dataclass(frozen=True, slots=True)
class Growth:
    """A checkpoint, and how it grew from a smaller one; `old` is 0 where nothing came before."""

    old: int
    path: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


def growth_proof(folder: Path, old: int, new: int | None = None) -> bytes:
    """Return the proof that the tree of `old` entries begins that of a checkpoint.

    Args:
        folder: The audit folder.
        old: Entries of the older tree, 0 for who knows none.
        new: Entries of the checkpoint; None for the newest.

    Raises:
        Precondition: There is no such checkpoint, or it is not over more entries.
        AuditCorrupt: The leaves do not come to its root.
    """
    note, checkpoint = _newest(folder)
    if new is not None:
        path = seals.checkpoint_path(folder, new)
        if not path.is_file():
            raise Precondition(f"no checkpoint is over {new} entries; name one that is")
        note = seals.read_checkpoint(path)
        checkpoint = notes.checkpoint_of(note)
    if not 0 <= old <= checkpoint.size:
        raise Precondition(
            f"{checkpoint.named()} is not over {old} entries or more; turn them round"
        )
    with seals.opened_tree(folder, checkpoint.size) as tree:
        if tree.root() != checkpoint.root:
            raise AuditCorrupt(
                f"the leaves do not come to the root of {checkpoint.named()}; see audit verify"
            )
        hashes = tree.consistency(old, checkpoint.size) if 0 < old else []
    return _lines([f"{_OLD}{old}", *map(_text, hashes), ""]) + note.content()


def read_growth(content: bytes) -> Growth:
    """Return the proof of growth of a file; a checkpoint alone grew from nothing that is known.

    Raises:
        NoProof: It is neither.
    """
    if len(content) > (most := limits.PROOF_BYTES_MAX):
        raise NoProof(f"has {len(content):,} bytes, more than any proof ({most:,})")
    if not content.startswith(_OLD.encode()):
        try:
            note = notes.read_note(content)
            return Growth(0, (), note, notes.checkpoint_of(note))
        except NoNote as error:
            raise NoProof(f"is neither a proof of growth nor a checkpoint: it {error}") from error
    head, note, checkpoint = _parts(content)
    try:
        old = notes.number_of_line(head[0].removeprefix(_OLD))
        path = tuple(map(notes.hash_of_line, head[1:]))
    except NoNote as error:
        raise NoProof(f"cannot be read: {error}") from error
    return Growth(old, path, note, checkpoint)
