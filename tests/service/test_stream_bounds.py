"""What a stream becomes is bounded, and a step below each bound it is taken."""

import numpy as np
import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.core.arrow import claims_table
from medsettle.errors import BatchTooLarge, InvalidRequest
from medsettle.service.stream_bounds import check_decoded, check_messages
from medsettle.service.streams import claims_of

from tests.fuzz.streams import stream_of
from tests.service.claims import claim


def _texts(count: int, chars: int) -> pa.Table:
    indices = pa.array(np.zeros(count, dtype=np.int32))
    return pa.table({"a": pa.DictionaryArray.from_arrays(indices, pa.array(["A" * chars]))})


def test_decoded_texts_are_bounded() -> None:
    """So many bytes of text are taken, and one more in each row is not."""
    rows = limits.CLAIMS_PER_BATCH_MAX
    most = limits.STREAM_DECODED_BYTES_MAX // rows
    assert most * rows == limits.STREAM_DECODED_BYTES_MAX
    check_decoded(_texts(rows, most))

    with pytest.raises(BatchTooLarge, match="once decoded, more than"):
        check_decoded(_texts(rows, most + 1))


@pytest.mark.parametrize("nested", [False, True])
def test_elements_of_lists_are_bounded(nested: bool) -> None:
    """So many elements are taken, and one more is not, in lists as in lists of lists."""

    def lists(count: int) -> pa.Table:
        array = pa.ListArray.from_arrays([0, count], pa.array(np.zeros(count, dtype=np.int8)))
        outer = pa.ListArray.from_arrays([0, 1], array) if nested else array
        return pa.table({"a": outer})

    most = limits.STREAM_ELEMENTS_MAX - nested
    check_decoded(lists(most))

    with pytest.raises(BatchTooLarge, match="lines and list elements, more than"):
        check_decoded(lists(most + 1))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_stated_lengths_are_bounded(compression: str) -> None:
    """A buffer of just so many bytes may be compressed, and one byte more may not."""
    most = limits.STREAM_DECODED_BYTES_MAX
    zeros = pa.array(np.zeros(most + 1, dtype=np.int8))
    check_messages(stream_of(pa.table({"a": zeros[:most]}), compression=compression))

    with pytest.raises(BatchTooLarge, match="once decoded, more than"):
        check_messages(stream_of(pa.table({"a": zeros}), compression=compression))


def test_views_count_by_what_they_show() -> None:
    """Texts as views, short ones and long ones and none, count as the texts that they are."""
    texts = ["", "short", None, "longer than twelve bytes", "统筹" * 10]
    table = pa.table({"a": pa.array(texts * 3, pa.string_view())[2:13]})
    check_decoded(table)
    long = pa.table({"a": pa.array(["A" * 70_000] * 1_000, pa.string_view())})

    with pytest.raises(BatchTooLarge, match="70000000 bytes once decoded"):
        check_decoded(long)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        pytest.param("service_date", 2**31 - 1, pa.date32(), id="day"),
        pytest.param("credential_time", 2**62, pa.timestamp("s", "UTC"), id="moment"),
        pytest.param("credential_time", 1, pa.timestamp("ns", "UTC"), id="nanosecond"),
        pytest.param("credential_time", 1, pa.timestamp("us", "Mars/Olympus"), id="zone"),
    ],
)
def test_what_no_calendar_has_is_refused(name: str, value: int, kind: pa.DataType) -> None:
    """Arrow holds days and moments that Python does not; they are a fault of the request."""
    table = claims_table([claim(1)])
    place = table.column_names.index(name)
    column = pa.array([value], pa.int32() if kind == pa.date32() else pa.int64()).view(kind)
    stream = stream_of(table.set_column(place, pa.field(name, kind), column))

    with pytest.raises(InvalidRequest, match="none of any calendar"):
        claims_of(stream)
