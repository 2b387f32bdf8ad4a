"""What of an audit table points at a person, and under which key a file tells it.

A file whose persons are pseudonyms says in its metadata (`medsettle:persons`) which key made them;
one that says nothing has persons and cards as they are.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.privacy.pseudonyms import Kind

PERSONAL_COLUMNS: Final = {
    "person": Kind.PERSON,
    "giver": Kind.PERSON,
    "card": Kind.CARD,
    "counter": Kind.COUNTER,
}
"""The columns of audit tables whose values point at a person, whatever the table."""

PERSONS_KEY: Final = b"medsettle:persons"
"""The metadata of a file, or of a table, that names the key."""


def told_by(rows: pa.Table, name: Callable[[Kind, str], str]) -> pa.Table:
    """Return rows of an audit table with everything that points at a person under another name.

    Args:
        rows: Of any audit table; its codes have dictionaries, so each value is named once.
        name: Returns the name of a value of a kind.
    """
    for place, field in enumerate(rows.schema):
        kind = PERSONAL_COLUMNS.get(field.name)
        if kind is None:
            continue
        chunks = []
        for chunk in rows.column(place).chunks:
            names = [None if each is None else name(kind, each) for each in _values(chunk)]
            values = pa.array(names, field.type.value_type)
            chunks.append(pa.DictionaryArray.from_arrays(chunk.indices, values))
        rows = rows.set_column(place, field, pa.chunked_array(chunks, field.type))
    return rows


def _values(chunk: pa.DictionaryArray) -> list[str | None]:
    values: list[str | None] = chunk.dictionary.to_pylist()
    return values


def persons_key(path: Path) -> str | None:
    """Return the key under which a file has its persons; None where they are plain.

    Raises:
        OSError, ArrowException: It is missing or no Parquet.
    """
    return told_key(pq.read_metadata(path).metadata)


def told_key(metadata: Mapping[bytes, bytes] | None) -> str | None:
    """Return the key that metadata name."""
    key = (metadata or {}).get(PERSONS_KEY)
    return None if key is None else key.decode("ascii")
