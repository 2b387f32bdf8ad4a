"""Checkpoints of an audit folder against keys, against one another, and against what is sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from medsettle.audit import notes, seals
from medsettle.audit.findings import Altered, Finding, Findings
from medsettle.audit.manifest import MANIFEST_NAME, Segment
from medsettle.audit.notes import Checkpoint, Note
from medsettle.audit.seals import Seal
from medsettle.errors import AuditCorrupt
from medsettle.signing_keys import fingerprint_of

_SHORT = 16


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that is kept: its file below the audit folder, its note and what it says."""

    path: str
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Keys:
    """Whom a verification trusts: the log, and witnesses that must have countersigned."""

    log: Ed25519PublicKey | None = None
    witnesses: tuple[Ed25519PublicKey, ...] = ()


def kept_checkpoints(folder: Path, findings: Findings) -> list[Signed]:
    """Return the checkpoints of an audit folder, the smallest tree first."""
    found: list[Signed] = []
    for path in seals.checkpoint_paths(folder):
        name = path.relative_to(folder).as_posix()
        try:
            note = seals.read_checkpoint(path)
        except AuditCorrupt as error:
            findings.add(0, Finding(Altered.SEAL, str(error), name))
            continue
        checkpoint = notes.checkpoint_of(note)
        if path != seals.checkpoint_path(folder, checkpoint.size):
            message = f"{name} is over {checkpoint.size} entries and has the name of another"
            findings.add(checkpoint.size, Finding(Altered.SEAL, message, name))
        found.append(Signed(name, note, checkpoint))
    return sorted(found, key=lambda each: each.checkpoint.size)


def check_signatures(kept: Sequence[Signed], keys: Keys, findings: Findings) -> None:
    """Hold checkpoints to the keys that are trusted.

    Each must be signed by the log, under its origin, and the newest by every witness; no signature
    of a trusted key may be forged.
    """
    if keys.log is not None and not kept:
        message = (
            "no checkpoint is there, though a key of the log is: they were removed, or never made"
        )
        findings.add(0, Finding(Altered.NO_CHECKPOINT, message))
    origins = {each.checkpoint.origin for each in kept}
    for each in kept:
        if keys.log is not None:
            _check_one(each, keys.log, notes.LOG_KEY, findings, needed=True)
        for witness in keys.witnesses:
            newest = each is kept[-1]
            _check_one(each, witness, notes.WITNESS_KEY, findings, needed=newest)
    if len(origins) > 1:
        message = f"checkpoints are of several origins: {', '.join(sorted(origins))}"
        findings.add(0, Finding(Altered.CHECKPOINT, message))
    if keys.witnesses and not kept:
        findings.add(0, Finding(Altered.UNSIGNED, "no checkpoint is there to be countersigned"))


def _check_one(
    each: Signed, key: Ed25519PublicKey, kind: int, findings: Findings, *, needed: bool
) -> None:
    found = notes.signature_of(each.note, key, kind)
    what = "signed" if kind == notes.LOG_KEY else "countersigned"
    whose = fingerprint_of(key)[:_SHORT]
    under_origin = found is None or kind != notes.LOG_KEY or found.name == each.checkpoint.origin
    if found is None and needed:
        message = f"{each.path} is not {what} by the key {whose}"
        findings.add(each.checkpoint.size, Finding(Altered.UNSIGNED, message, each.path))
    elif found is not None and not (found.genuine and under_origin):
        message = f"{each.path}: what is said to be {what} by the key {whose} is forged or changed"
        findings.add(each.checkpoint.size, Finding(Altered.FORGED, message, each.path))


def check_days(kept: Sequence[Signed], sealed: Sequence[Seal], findings: Findings) -> None:
    """Find days of recording between the first and the last checkpoint that have none."""
    told = {day for each in kept if (day := each.checkpoint.told("day")) is not None}
    if not told:
        return
    for day, size in seals.day_ends(list(sealed)):
        if min(told) < day < max(told) and day not in told:
            message = f"the day {day}, to entry {size}, has no checkpoint any more: it was removed"
            findings.add(size, Finding(Altered.NO_CHECKPOINT, message))


def check_segments(kept: Sequence[Signed], listed: dict[int, Segment], findings: Findings) -> None:
    """Hold the line of the manifest that a checkpoint names to the manifest."""
    for each in kept:
        number, _, digest = (each.checkpoint.told("segments") or "").partition(" ")
        segment = listed.get(int(number)) if number.isdecimal() else None
        if segment is not None and segment.digest() != digest:
            message = (
                f"{MANIFEST_NAME}: segment {number} or one before it was written anew since "
                f"{each.checkpoint.named()} was signed"
            )
            where = Finding(Altered.MANIFEST, message, MANIFEST_NAME, segment.number)
            findings.add(segment.first_seq, where)


def check_roots(kept: Sequence[Signed], roots: dict[int, bytes], findings: Findings) -> None:
    """Hold checkpoints to the roots that leaves come to, which who rewrites everything cannot.

    Args:
        kept: The checkpoints, the smallest tree first.
        roots: By size, of those that could be worked out.
        findings: Where contradictions are added.
    """
    before = 0
    for each in kept:
        size = each.checkpoint.size
        if size in roots and roots[size] != each.checkpoint.root:
            message = (
                f"the leaves do not come to the root of {each.checkpoint.named()}: an entry from "
                f"{before + 1} to {size} was altered together with all that seals it, or the "
                "checkpoint was"
            )
            findings.add(
                before + 1, Finding(Altered.CHECKPOINT, message, each.path, seq=before + 1)
            )
            return
        before = size


def check_noted(noted: Checkpoint, size: int, root: bytes | None, findings: Findings) -> bool:
    """Hold a checkpoint that was noted elsewhere to the tree, and return whether it begins it.

    Args:
        noted: The checkpoint.
        size: How many entries are sealed now.
        root: The root over as many leaves as the checkpoint has; None where there are fewer.
        findings: Where a contradiction is added.
    """
    if root is None:
        message = f"the noted {noted.named()} is over {noted.size} entries, but {size} are sealed"
        findings.add(size + 1, Finding(Altered.ROLLED_BACK, f"{message}: the log went back"))
        return False
    if root != noted.root:
        message = (
            f"the log does not begin with the noted {noted.named()}: its root was "
            f"{noted.root.hex()}, and the leaves come to {root.hex()}"
        )
        findings.add(0, Finding(Altered.CHECKPOINT, message))
        return False
    return True
