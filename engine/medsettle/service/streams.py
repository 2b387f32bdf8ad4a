"""Arrow streams of `SettleClaims` and `PreviewClaims`: claims in, one answer a claim out."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Final

import numpy as np
import pyarrow as pa

from medsettle import limits
from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column, Kind
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Finding, Settlement
from medsettle.engine.answers import Answers
from medsettle.engine.block_entries import RecordedBlock
from medsettle.errors import BatchTooLarge, Fault, InvalidRequest
from medsettle.service.stream_bounds import PATH, check_decoded, check_messages

_FAULT: Final = pa.struct(
    [pa.field("path", pa.string(), False), pa.field("message", pa.string(), False)]
)

_WARNING: Final = pa.struct(
    [pa.field(each.name, pa.string(), nullable=False) for each in fields(Finding)]
)

ANSWERS: Final = pa.schema(
    [
        pa.field("outcome", pa.string(), False, {"doc": "SETTLED, or why not."}),
        pa.field("message", pa.string(), False, {"doc": "Why not, in a sentence."}),
        pa.field("faults", pa.list_(_FAULT), False, {"doc": "What is wrong with the claim."}),
        pa.field("duplicate", pa.bool_(), False, {"doc": "Whether it was answered before."}),
        pa.field("warnings", pa.list_(_WARNING), False, {"doc": "What did not stop payment."}),
        *(field.with_nullable(True) for field in schema.arrow_schema(schema.SETTLEMENT)),
    ]
)
"""The columns of an answer; those of the settlement are null where the claim was refused."""


# What reading the frame of a stream that is none ends in.
_NO_MESSAGE: Final = (struct.error, IndexError)


def claims_of(stream: bytes, seen: Callable[[pa.Table], pa.Table] | None = None) -> ClaimBatch:
    """Return the claims of an Arrow IPC stream, each checked.

    Args:
        stream: The stream.
        seen: Makes of its table the one that is checked.

    Raises:
        BatchTooLarge: More bytes or more claims than one call may carry.
        InvalidRequest: The bytes are no Arrow stream, or columns are missing, unknown or of another
            type. What is wrong with single claims is kept in the batch.
    """
    if len(stream) > limits.MESSAGE_BYTES_MAX:
        _refuse_size(f"{len(stream)} bytes, more than {limits.MESSAGE_BYTES_MAX}")
    try:
        check_messages(stream)
        table = _read(stream)
        # A stream from outside may lie about its offsets; reading values would follow them.
        table.validate(full=True)
        check_decoded(table)
    except (pa.ArrowException, OSError, UnicodeDecodeError, *_NO_MESSAGE) as error:
        found = str(error).splitlines()[0][:200]
        raise InvalidRequest([Fault(PATH, f"not a whole Arrow IPC stream: {found}")]) from error
    return ClaimBatch.from_arrow(table if seen is None else seen(table))


def stream_of(answers: Sequence[Settlement | Rejection]) -> bytes:
    """Return the answers as an Arrow IPC stream with the columns `ANSWERS`, in their order.

    Where thousands of claims have dozens of faults each the stream would outgrow a message, after
    the others were recorded; then each claim keeps its first fault.
    """
    stream = _stream(answers, limits.FAULTS_PER_CLAIM_MAX)
    if len(stream) > limits.MESSAGE_BYTES_MAX:
        stream = _stream(answers, 1)
    return stream


def _read(stream: bytes) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
        _check_columns(reader.schema)
        batches, rows = [], 0
        for batch in reader:
            rows += batch.num_rows
            if rows > limits.CLAIMS_PER_BATCH_MAX:
                _refuse_size(f"more than {limits.CLAIMS_PER_BATCH_MAX} claims")
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)


def _refuse_size(found: str) -> None:
    raise BatchTooLarge([Fault(PATH, f"{found}; send them in several calls")])


def _check_columns(found: pa.Schema) -> None:
    columns = {column.name: column for column in schema.CLAIM}
    faults = [
        Fault(column.name, "missing column; it is required")
        for column in columns.values()
        if column.required and column.name not in found.names
    ]
    if "lines" not in found.names:
        faults.append(Fault("lines", "missing column; it is required"))
    for field in found:
        if field.name == "lines":
            faults += _line_faults(field.type)
        elif field.name not in columns:
            faults.append(Fault(field.name, "unknown column; remove it"))
        else:
            faults += _type_faults(columns[field.name], field.type, "")
    if len(set(found.names)) != len(found.names):
        faults.append(Fault(PATH, "a column stands in it twice"))
    if faults:
        raise InvalidRequest(faults[: limits.FAULTS_PER_CLAIM_MAX])


def _line_faults(found: pa.DataType) -> list[Fault]:
    if not _is_list(found) or not pa.types.is_struct(found.value_type):
        return [Fault("lines", f"type {found}; expected a list of structs")]
    lines = {column.name: column for column in schema.LINE}
    faults = []
    for index in range(found.value_type.num_fields):
        field = found.value_type.field(index)
        if field.name in lines:
            faults += _type_faults(lines[field.name], field.type, "lines.")
    return faults


def _type_faults(column: Column, found: pa.DataType, path: str) -> list[Fault]:
    if _fits(column.kind, found) or (pa.types.is_null(found) and not column.required):
        return []
    expected = column.arrow_field().type
    return [Fault(f"{path}{column.name}", f"type {found}; expected {expected}")]


def _fits(kind: Kind, found: pa.DataType) -> bool:
    if kind is Kind.CODE:
        return _is_text(found)
    if kind is Kind.CODES:
        return _is_list(found) and _is_text(found.value_type)
    if kind is Kind.DATE:
        return bool(pa.types.is_date(found)) or _is_text(found)
    if kind is Kind.BOOLEAN:
        return bool(pa.types.is_boolean(found))
    if kind is Kind.TIMESTAMP:
        return bool(pa.types.is_timestamp(found) and found.tz) or _is_text(found)
    return bool(pa.types.is_integer(found))


def _is_list(found: pa.DataType) -> bool:
    return bool(pa.types.is_list(found) or pa.types.is_large_list(found))


def _is_text(found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    return bool(
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_string_view(found)
    )


def _stream(answers: Sequence[Settlement | Rejection], faults_max: int) -> bytes:
    blocks = answers.blocks if isinstance(answers, Answers) else ()
    others = answers.others if isinstance(answers, Answers) else range(len(answers))
    parts = [_of_block(block) for block in blocks]
    if others or not parts:
        parts.append(_rows([answers[at] for at in others], faults_max))
    batch = parts[0]
    if len(parts) > 1:
        at = np.concatenate([*(block.rows for block in blocks), [*others]]).astype(np.int64)
        batch = pa.concat_batches(parts).take(pa.array(np.argsort(at)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ANSWERS) as writer:
        writer.write_batch(batch)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _rows(answers: Sequence[Settlement | Rejection], faults_max: int) -> pa.RecordBatch:
    settled = [answer if isinstance(answer, Settlement) else None for answer in answers]
    rejected = [answer if isinstance(answer, Rejection) else None for answer in answers]
    columns: list[list[object]] = [
        [(each.outcome if each else Outcome.SETTLED).name for each in rejected],
        [_message(each) if each else "" for each in rejected],
        [_faults(each, faults_max) if each else [] for each in rejected],
        [answer.duplicate for answer in answers],
        [[asdict(warning) for warning in each.warnings] if each else [] for each in settled],
    ]
    columns += [
        [each.columns.get(column.name) if each else None for each in settled]
        for column in schema.SETTLEMENT
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, ANSWERS, strict=True)]
    return pa.record_batch(arrays, schema=ANSWERS)


def _of_block(block: RecordedBlock) -> pa.RecordBatch:
    """Return the answers of claims that are still columns."""
    told = {"outcome": Outcome.SETTLED.name, "message": "", "faults": [], "duplicate": False}
    columns = {**told, "warnings": [], **block.columns()}
    arrays = [_array(columns[field.name], field.type, len(block.rows)) for field in ANSWERS]
    return pa.record_batch(arrays, schema=ANSWERS)


def _array(values: object, kind: pa.DataType, count: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if isinstance(values, np.ndarray):
        return pa.array(values, kind)
    return pa.nulls(count, kind) if values is None else pa.array([values] * count, kind)


def _message(rejection: Rejection) -> str:
    # The faults stand in a column of their own.
    if rejection.outcome is Outcome.INVALID_REQUEST:
        return f"{len(rejection.faults)} fault(s) in the claim"
    return rejection.message


def _faults(rejection: Rejection, most: int) -> list[dict[str, str]]:
    return [{"path": fault.path, "message": fault.message} for fault in rejection.faults[:most]]
