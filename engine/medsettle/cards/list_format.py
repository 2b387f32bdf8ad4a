"""The bytes of an invalid list: an Arrow file and the detached signature of its keeper.

The file has the columns `digest` (16 bytes, rising), `reason` and `since` (microseconds, UTC), and
says in its metadata which list it is. The signature is Ed25519 over the bytes of the file, so that
any tool can check it. A key is trusted for one list: the keeper of a city's list cannot write the
nation's.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsettle import limits
from medsettle.cards.invalid_list import DIGEST_BYTES, REASONS, InvalidList, Slot, digest_of
from medsettle.core.cards import InvalidReason
from medsettle.errors import InvalidListRejected

FORMAT: Final = b"medsettle-invalid-list-1"

_COLUMNS: Final = pa.schema(
    [
        pa.field("digest", pa.binary(DIGEST_BYTES), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("since", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)


def list_bytes(
    slot: Slot,
    version: int,
    issue_time: datetime,
    due_time: datetime,
    entries: Iterable[tuple[str, InvalidReason, datetime]],
) -> bytes:
    """Return the file of a list.

    Args:
        slot: Which list it is.
        version: Higher than that of the list before.
        issue_time: When it was made.
        due_time: When the next one is promised.
        entries: Token of the card, why it is invalid and since when; each card once.
    """
    rows = sorted((digest_of(card), reason, since) for card, reason, since in entries)
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    metadata = {
        b"format": FORMAT,
        b"level": slot.level.encode(),
        b"area": slot.area.encode(),
        b"version": str(version).encode(),
        b"issue_time": issue_time.astimezone(UTC).isoformat().encode(),
        b"due_time": due_time.astimezone(UTC).isoformat().encode(),
    }
    schema = _COLUMNS.with_metadata(metadata)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def signature_of(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signature that stands beside the file of a list."""
    return key.sign(content)


def read_list(
    content: bytes, signature: bytes, key: Ed25519PublicKey, slot: Slot, now: datetime
) -> InvalidList:
    """Return the list of a file.

    Args:
        content: The file.
        signature: Its detached signature.
        key: Of the keeper that is trusted for this list.
        slot: Which list it has to be.
        now: A list that is issued later is not in force yet.

    Raises:
        InvalidListRejected: The signature is not the keeper's, it is another list, or its rows are
            not what a list holds.
    """
    try:
        key.verify(signature, content)
    except InvalidSignature as error:
        raise _rejected(slot, "the signature is not that of its keeper over this file") from error
    table = _table(content, slot)
    said = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    _check_said(said, slot)
    issue_time, due_time = _moment(said, "issue_time", slot), _moment(said, "due_time", slot)
    if issue_time > now:
        raise _rejected(slot, f"it is issued at {issue_time}, which lies ahead")
    digests = _digests(table, slot)
    return InvalidList(
        slot=slot,
        version=_version(said, slot),
        issue_time=issue_time,
        due_time=due_time,
        content_digest=sha256(content).digest(),
        digests=digests,
        since_us=memoryview(table["since"].cast(pa.int64()).to_numpy()),
        reason=_reasons(table, slot),
    )


def _table(content: bytes, slot: Slot) -> Any:  # noqa: ANN401 - pyarrow comes without types
    try:
        with pa.ipc.open_file(pa.py_buffer(content)) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise _rejected(slot, "the file is no whole Arrow file") from error
    if not table.schema.equals(_COLUMNS):
        names = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        raise _rejected(slot, f"its columns are {names}; expected digest, reason and since")
    if table.num_rows > limits.INVALID_LIST_ENTRIES_MAX:
        most = limits.INVALID_LIST_ENTRIES_MAX
        raise _rejected(slot, f"{table.num_rows} entries, more than {most}")
    if any(table[name].null_count for name in table.column_names):
        raise _rejected(slot, "a value is missing in a row")
    return table


def _check_said(said: dict[str, str], slot: Slot) -> None:
    if said.get("format") != FORMAT.decode():
        raise _rejected(slot, f"its format is {said.get('format')!r}, not {FORMAT.decode()}")
    if (said.get("level"), said.get("area")) != (slot.level, slot.area):
        other = f"{said.get('level')} of {said.get('area')}"
        raise _rejected(slot, f"it is the list {other}; put it where that belongs")


def _version(said: dict[str, str], slot: Slot) -> int:
    text = said.get("version", "")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= limits.LIST_VERSION_MAX:
        raise _rejected(slot, f"its version is {text[:50]!r}; expected a whole number from 1 on")
    return int(text)


def _moment(said: dict[str, str], name: str, slot: Slot) -> datetime:
    try:
        moment = datetime.fromisoformat(said.get(name, ""))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _rejected(slot, f"its {name} is no moment with a time zone")
    return moment


def _digests(table: Any, slot: Slot) -> bytes:  # noqa: ANN401
    width = DIGEST_BYTES
    digests: bytes = b"".join(
        chunk.buffers()[1].slice(chunk.offset * width, len(chunk) * width).to_pybytes()
        for chunk in table["digest"].chunks
    )
    halves = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    high, low = halves[:, 0], halves[:, 1]
    rises = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    if not rises.all():
        raise _rejected(slot, "its digests do not rise, or one stands there twice")
    return digests


def _reasons(table: Any, slot: Slot) -> memoryview:  # noqa: ANN401
    known = pa.array([reason.value for reason in REASONS])
    codes = pc.index_in(table["reason"], value_set=known)
    if codes.null_count:
        raise _rejected(slot, f"a reason is none of {', '.join(REASONS)}")
    return memoryview(codes.cast(pa.int8()).to_numpy())


def _rejected(slot: Slot, why: str) -> InvalidListRejected:
    return InvalidListRejected(f"list {slot}: {why}", list=str(slot))
