"""Proofs that stand alone: of an entry, and of a log that grew; and a witness who sees them."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle import limits
from medsettle.audit import proofs, seals
from medsettle.audit.notes import checkpoint_of, cosigned, read_note, signed
from medsettle.audit.proofs import (
    NoProof,
    check_entry_proof,
    entry_proof,
    growth_proof,
    read_growth,
)
from medsettle.audit.seals import checkpoint_paths, read_checkpoint
from medsettle.audit.witness import add_cosignatures, countersign, last_seen
from medsettle.errors import AuditCorrupt, NotFound, Precondition

from tests.audit.test_tampering import KEY, ORIGIN, made

_PUBLIC = KEY.public_key()
_WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
_NAME = "example.cn/witness-b"
_NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
_ENTRIES = 60


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return sealed audit tables of three days with a checkpoint each, which nobody alters."""
    return made(tmp_path_factory.mktemp("proofs"), _ENTRIES)


@pytest.mark.parametrize("seq", [1, 7, 11, 20, 21, 59, _ENTRIES])
def test_an_entry_is_proven_by_the_file_alone(log: Path, seq: int) -> None:
    """Settlements, what only moves counters, and what has no row at all are under the root."""
    proven = check_entry_proof(entry_proof(log, seq), _PUBLIC)

    assert (seq, _ENTRIES, ORIGIN) == (proven.seq, proven.checkpoint.size, proven.checkpoint.origin)
    seqs = {row[0] for each in proven.tables for row in each["rows"]}
    assert seqs == ({seq} if seq != 11 else set())


def test_a_settlement_is_found_by_its_id(log: Path) -> None:
    """Whoever has an id of a settlement finds its entry; another is told to be none."""
    assert 17 == proofs.seq_of(log, "S17")
    with pytest.raises(NotFound, match="no settlement S999"):
        proofs.seq_of(log, "S999")


def _extra(content: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """Return a proof whose rows were changed."""
    lines = content.split(b"\n")
    told = orjson.loads(b64decode(lines[1].removeprefix(b"extra ")))
    change(told)
    lines[1] = b"extra " + b64encode(orjson.dumps(told))
    return b"\n".join(lines)


def _first_row(told: dict[str, object]) -> list[object]:
    tables = told["tables"]
    assert isinstance(tables, list)
    row: list[object] = tables[0]["rows"][0]
    return row


def test_a_proof_of_other_rows_does_not_hold(log: Path) -> None:
    """A value, a table, an index or a hash is another, or a row of another entry is there."""
    content = entry_proof(log, 17)

    def value(told: dict[str, object]) -> None:
        _first_row(told)[1] = "1999"

    def dropped(told: dict[str, object]) -> None:
        told["tables"] = told["tables"][1:]  # type: ignore[index]

    def elsewhere(told: dict[str, object]) -> None:
        told["tables"][0]["pooling_area"] = "999902"  # type: ignore[index]

    def other_entry(told: dict[str, object]) -> None:
        told["seq"] = 18

    def more(told: dict[str, object]) -> None:
        table = told["tables"][0]  # type: ignore[index]
        seq = [name for name, _ in table["columns"]].index("seq")
        table["rows"].append([*table["rows"][0][:seq], 18, *table["rows"][0][seq + 1 :]])

    altered = [_extra(content, change) for change in (dropped, elsewhere, other_entry, more)]
    lines = content.split(b"\n")
    altered.append(content.replace(b"index 16", b"index 17", 1))
    altered.append(b"\n".join([*lines[:3], *lines[4:]]))
    altered.append(b"\n".join([*lines[:3], lines[4], lines[3], *lines[5:]]))
    for each in altered:
        with pytest.raises(AuditCorrupt, match=r"do not come to the root|not all of entry"):
            check_entry_proof(each, _PUBLIC)
    with pytest.raises((AuditCorrupt, NoProof)):
        check_entry_proof(_extra(content, value), _PUBLIC)


def test_a_proof_is_of_one_log_and_its_witnesses(log: Path) -> None:
    """Another key, a forged checkpoint and a missing witness are refused."""
    content = entry_proof(log, 17)
    with pytest.raises(AuditCorrupt, match="not signed by the given key"):
        check_entry_proof(content, _WITNESS.public_key())
    with pytest.raises(AuditCorrupt, match="not countersigned"):
        check_entry_proof(content, _PUBLIC, (_WITNESS.public_key(),))

    head, _, note = content.partition(b"\n\n")
    seen = cosigned(read_note(note), _NAME, _WITNESS, 7).content()
    proven = check_entry_proof(head + b"\n\n" + seen, _PUBLIC, (_WITNESS.public_key(),))
    assert [_NAME] == [each.name for each in proven.witnesses]
    forged = signed(replace(checkpoint_of(read_note(note)), root=bytes(32)), _WITNESS).content()
    with pytest.raises(AuditCorrupt):
        check_entry_proof(head + b"\n\n" + forged, _PUBLIC)


def test_entries_beyond_the_newest_checkpoint_have_no_proof(log: Path, tmp_path: Path) -> None:
    """Nor has the entry 0, nor any where nothing was signed."""
    for seq in (0, _ENTRIES + 1):
        with pytest.raises(Precondition, match="under no checkpoint"):
            entry_proof(log, seq)
    with pytest.raises(Precondition, match="no checkpoint was signed"):
        entry_proof(tmp_path, 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"", "empty line", id="empty"),
        pytest.param(b"nonsense\n\nnonsense", "holds no checkpoint", id="nonsense"),
        pytest.param(b"x" * limits.PROOF_BYTES_MAX, "empty line", id="at-the-bound"),
        pytest.param(b"x" * (limits.PROOF_BYTES_MAX + 1), "more than any proof", id="too-large"),
    ],
)
def test_what_is_no_proof_is_refused(content: bytes, told: str) -> None:
    """Whoever is handed any file is told what it is not."""
    with pytest.raises(NoProof, match=told):
        check_entry_proof(content, _PUBLIC)
    with pytest.raises(NoProof):
        read_growth(content)


def test_a_proof_has_no_more_hashes_than_a_tree(log: Path) -> None:
    """At the bound it is read and does not hold; one hash more is refused unread."""
    content = entry_proof(log, 17)
    lines = content.split(b"\n")
    path = [b64encode(bytes(32))] * limits.PROOF_HASHES_MAX
    most = b"\n".join([*lines[:3], *path, b"", content.partition(b"\n\n")[2]])
    with pytest.raises(AuditCorrupt, match="do not come to the root"):
        check_entry_proof(most, _PUBLIC)
    more = b"\n".join([*lines[:3], *path, path[0], b"", content.partition(b"\n\n")[2]])
    with pytest.raises(NoProof, match="129 hashes, at most 128"):
        check_entry_proof(more, _PUBLIC)


def _growth(log: Path, old: int, new: int | None = None) -> proofs.Growth:
    return read_growth(growth_proof(log, old, new))


def test_a_witness_countersigns_a_log_that_grows(log: Path, tmp_path: Path) -> None:
    """The first time on trust, then by proofs, the same again as often as asked."""
    state = tmp_path / "witness.json"
    seen = []
    for old, new in ((0, 20), (20, 40), (40, 60), (40, 60)):
        note, before = countersign(_growth(log, old, new), _PUBLIC, _WITNESS, _NAME, state, _NOW)
        seen.append((before.size if before else None, checkpoint_of(note).size))
        assert [ORIGIN, _NAME] == [each.name for each in note.signatures]

    assert [(None, 20), (20, 40), (40, 60), (60, 60)] == seen
    last = last_seen(state, ORIGIN)
    assert last is not None
    assert 60 == last.size


def test_a_witness_refuses_what_went_back_or_forked(log: Path, tmp_path: Path) -> None:
    """Both roots are named, nothing is signed, and the state is as it was."""
    state = tmp_path / "witness.json"
    countersign(_growth(log, 0, 40), _PUBLIC, _WITNESS, _NAME, state, _NOW)
    before = state.read_bytes()
    roots = [checkpoint_of(read_checkpoint(path)).root.hex() for path in checkpoint_paths(log)]
    newest = checkpoint_of(read_checkpoint(checkpoint_paths(log)[2]))
    forked = signed(replace(newest, size=40), KEY)
    grown = _growth(log, 40)
    other = replace(grown, path=(*grown.path[:-1], bytes(32)))
    cases = (
        (_growth(log, 0, 20), AuditCorrupt, f"{roots[1]}.*{roots[0]}.*went back"),
        (read_growth(forked.content()), AuditCorrupt, f"{roots[1]}.*{roots[2]}.*two histories"),
        (_growth(log, 20), Precondition, "a proof from 40 is needed"),
        (other, AuditCorrupt, f"{roots[1]}.*{roots[2]}.*does not begin"),
    )
    for growth, error, told in cases:
        with pytest.raises(error, match=told):
            countersign(growth, _PUBLIC, _WITNESS, _NAME, state, _NOW)
    with pytest.raises(AuditCorrupt, match="not signed by the given key"):
        countersign(grown, _WITNESS.public_key(), _WITNESS, _NAME, state, _NOW)

    assert before == state.read_bytes()


def test_a_state_that_is_none_is_told(log: Path, tmp_path: Path) -> None:
    """A witness does not begin anew over a file that it cannot read."""
    state = tmp_path / "witness.json"
    state.write_text("[]")

    with pytest.raises(OSError, match="is no state of a witness"):
        countersign(_growth(log, 0), _PUBLIC, _WITNESS, _NAME, state, _NOW)
    assert "[]" == state.read_text()


def test_a_cosignature_is_kept_beside_its_checkpoint(tmp_path: Path) -> None:
    """Only of the witness that is named, and only of the checkpoint that is kept."""
    folder = made(tmp_path, 40)
    path = checkpoint_paths(folder)[-1]
    note = read_checkpoint(path)
    seen = cosigned(note, _NAME, _WITNESS, 7)
    assert path == add_cosignatures(folder, seen, _WITNESS.public_key())
    assert seen == read_checkpoint(path)

    with pytest.raises(Precondition, match="not countersigned by the given witness"):
        add_cosignatures(folder, note, _WITNESS.public_key())
    other = signed(replace(checkpoint_of(note), root=bytes(32)), KEY)
    with pytest.raises(Precondition, match="is not kept"):
        add_cosignatures(folder, cosigned(other, _NAME, _WITNESS, 7), _WITNESS.public_key())
    assert seals.checkpoint_path(folder, 40) == path


def test_growth_is_shown_between_any_two_checkpoints(log: Path) -> None:
    """And not between what are none."""
    assert (20, 40) == (_growth(log, 20, 40).old, _growth(log, 20, 40).checkpoint.size)
    with pytest.raises(Precondition, match="no checkpoint is over 39"):
        growth_proof(log, 20, 39)
    with pytest.raises(Precondition, match="turn them round"):
        growth_proof(log, 41, 40)
