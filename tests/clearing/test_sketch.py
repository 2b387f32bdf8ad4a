"""The difference sketch: what it finds, what it cannot, and its file."""

from collections import Counter
from datetime import date
from hashlib import sha512
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.matching.book import BOOK, OWN, Side
from medsettle.clearing.matching.row_hashes import SEED, Hasher
from medsettle.clearing.matching.sketch import Sketch, empty_sketch, sketch_of
from medsettle.clearing.matching.sketch_files import (
    FORMAT,
    read_sketch,
    rows_of_keys,
    write_sketch,
)
from medsettle.clearing.matching.sketch_loops import COPIES_MAX
from medsettle.errors import InvalidRequest, Precondition

from tests.clearing.books import DAY, Row, row, table, written

_COLUMNS = tuple(column.name for column in BOOK if column.name not in OWN)


def _sketch(folder: Path, rows: list[Row], cells: int = 300) -> Sketch:
    # The first row is equal everywhere and has something in each column, so that none is left out.
    whole = row("all") | {
        column.name: "x" for column in BOOK if not column.required and column.alias
    }
    whole |= {"original": "o", "policy": "p", "policy_digest": "d", "catalogue_digest": "c"}
    whole |= {"service_date": DAY}
    book = written(folder, Side.CARE, [whole, *rows])
    return sketch_of(book, _COLUMNS, cells=cells)


_ROWS = st.lists(
    st.tuples(st.sampled_from([f"s{n}" for n in range(8)]), st.sampled_from([1, 2])), max_size=12
)


@settings(max_examples=40)
@given(_ROWS, _ROWS, _ROWS)
def test_a_difference_has_the_rows_that_one_has_more_of(
    one: list[tuple[str, int]], more: list[tuple[str, int]], other: list[tuple[str, int]]
) -> None:
    """Sketches add up and subtract as lists of rows do, each row as often as it is there."""

    def rows(drawn: list[tuple[str, int]]) -> list[Row]:
        return [row(name, cash_fen=fen) for name, fen in drawn]

    with TemporaryDirectory() as name:
        first, second, third = (_sketch(Path(name), rows(each)) for each in (one, more, other))
        nothing = _sketch(Path(name), [])
        # What a sketch has less of is counted below zero: less of nothing is more of the rest.
        decoded = first.minus(nothing.minus(second)).minus(third).decoded()
        keys = {
            name: int(Hasher(SEED).keys(table([row(name)]).to_batches()[0])[0])
            for name in {key for key, _ in (*one, *more, *other)}
        }

    left = Counter(one) + Counter(more)
    expected = Counter(
        {
            (keys[name], number): 1
            for (name, fen) in {*left, *other}
            if (number := left[name, fen] - other.count((name, fen)))
        }
    )
    # Two versions of one key may be left over as often, so pairs are counted.
    by_pair: Counter[tuple[int, int]] = Counter()
    for name, fen in {*left, *other}:
        number = left[name, fen] - other.count((name, fen))
        by_pair[keys[name], number] += number != 0
    assert decoded.complete == all(abs(number) <= COPIES_MAX for _, number in expected)
    if decoded.complete:
        found = Counter(zip(decoded.keys.tolist(), decoded.copies.tolist(), strict=True))
        assert +by_pair == found


@pytest.mark.parametrize("name", [name for name in _COLUMNS if name != "settlement"])
def test_one_value_that_differs_is_seen(tmp_path: Path, name: str) -> None:
    """Whichever column it is in, the row is left over on both sides, under one key."""
    own = row("s1")
    kinds = {column.name: column.kind for column in BOOK}
    other = {
        "fen": 77,
        "date": DAY.replace(day=1),
        "code": "cancel" if name == "kind" else "other",
    }[kinds[name]]

    left = _sketch(tmp_path, [own]).minus(_sketch(tmp_path, [own | {name: other}])).decoded()

    assert left.complete
    assert [-1, 1] == sorted(left.copies)
    assert 1 == len(left.odd_keys())


def test_the_moment_of_recording_is_not_compared(tmp_path: Path) -> None:
    """Each book records at its own time, and is alike all the same."""
    own, other = row("s1"), row("s1", record_time=1_000_000)

    assert not len(_sketch(tmp_path, [own]).minus(_sketch(tmp_path, [other])).decoded().keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"card": None}, {"card": ""}),
        ({"card": "ab", "policy": "c"}, {"card": "a", "policy": "bc"}),
        ({"card": "c", "policy": "d"}, {"card": "d", "policy": "c"}),
        ({"total_fen": 1, "cash_fen": 2}, {"total_fen": 2, "cash_fen": 1}),
        ({"account_fen": 2**40}, {"account_fen": 0}),
        ({"account_fen": -1}, {"account_fen": 1}),
    ],
    ids=["null and empty", "moved letter", "swapped texts", "swapped fen", "high bit", "sign"],
)
def test_values_are_told_apart(tmp_path: Path, one: Row, other: Row) -> None:
    """What looks alike to a sum or a chain of bytes is not alike."""
    left = _sketch(tmp_path, [row("s1") | one]).minus(_sketch(tmp_path, [row("s1") | other]))

    assert 2 == len(left.decoded().keys)


def test_every_byte_of_a_text_counts() -> None:
    """Texts of any length, and those that differ in one byte, have other hashes in both lanes."""
    texts = ["x" * length for length in range(50)]
    texts += [
        "x" * at + "y" + "x" * (length - at - 1) for length in range(1, 50) for at in range(length)
    ]
    batch = pa.record_batch([pa.array(texts)], names=["card"])

    lanes = Hasher(SEED).lanes(batch, ["card"])

    assert len(texts) == len(set(lanes.one.tolist())) == len(set(lanes.two.tolist()))


def test_hashes_follow_from_values_alone() -> None:
    """Dictionaries, slices and the order of columns and rows change nothing."""
    texts = pa.array(["a", None, "b", "a", "a longer text than sixteen bytes"])
    numbers = pa.array([1, 2, None, 4, 5], pa.int64())
    plain = pa.record_batch([texts, numbers], names=["card", "cash_fen"])
    coded = pa.record_batch([texts.dictionary_encode(), numbers], names=["card", "cash_fen"])
    sliced = pa.concat_arrays([pa.array(["z"]), texts])[1:]
    late = pa.record_batch(
        [sliced, pa.concat_arrays([numbers, numbers])[5:]], names=plain.schema.names
    )

    first = Hasher(SEED).lanes(plain, ["card", "cash_fen"])
    for batch in (coded, late):
        again = Hasher(SEED).lanes(batch, ["cash_fen", "card"])
        assert (first.one == again.one).all()
        assert (first.two == again.two).all()


def test_another_seed_gives_other_hashes() -> None:
    """Centres that agree on a fresh seed get hashes that nobody could prepare for."""
    batch = table([row("s1")]).to_batches()[0]

    assert Hasher(SEED).keys(batch)[0] != Hasher(b"fresh").keys(batch)[0]


def test_a_sketch_that_is_too_small_says_so(tmp_path: Path) -> None:
    """A hundred rows do not fit into ninety cells, and fit into a hundred and fifty."""
    rows = [row(f"s{number}") for number in range(100)]

    small = _sketch(tmp_path, rows, 90).minus(_sketch(tmp_path, [], 90)).decoded()
    large = _sketch(tmp_path, rows, 150).minus(_sketch(tmp_path, [], 150)).decoded()

    assert not small.complete
    with pytest.raises(
        Precondition, match=r"too small: .* make both sketches with twice the cells"
    ):
        small.odd_keys()
    assert 100 == len(large.odd_keys())


@pytest.mark.parametrize("copies", range(1, COPIES_MAX + 2))
def test_copies_of_a_row_are_counted(tmp_path: Path, copies: int) -> None:
    """Up to seven copies of one row are told with their number; an eighth is said not to be."""
    left = _sketch(tmp_path, [row("s1")] * copies).minus(_sketch(tmp_path, [])).decoded()

    assert left.complete == (copies <= COPIES_MAX)
    assert ([copies] if left.complete else []) == left.copies.tolist()


@pytest.mark.parametrize(
    ("cells", "made"),
    [
        (2, False),
        (3, True),
        (limits.SKETCH_CELLS_MAX, True),
        (limits.SKETCH_CELLS_MAX + 1, False),
    ],
)
def test_cells_have_bounds(cells: int, made: bool) -> None:
    """One cell in each third is the least; above the most nothing is made."""
    if made:
        assert len(empty_sketch(_COLUMNS, cells=cells, seed=SEED).cells) >= cells
    else:
        with pytest.raises(Precondition, match=f"{cells} cells is not made; ask for 3 to"):
            empty_sketch(_COLUMNS, cells=cells, seed=SEED)


def test_a_sketch_needs_the_key() -> None:
    """Without the settlement no row could be found again."""
    with pytest.raises(Precondition, match="needs the column settlement"):
        empty_sketch(["total_fen"], cells=3, seed=SEED)


def test_sketches_of_other_things_are_not_subtracted() -> None:
    """Columns, seed and cells are those of both, or it is said which are not."""
    own = empty_sketch(_COLUMNS, cells=30, seed=SEED)
    for other, told in (
        (empty_sketch(_COLUMNS[:5], cells=30, seed=SEED), "has columns settlement, kind"),
        (empty_sketch(_COLUMNS, cells=30, seed=b"a"), "has seed .* the other 61"),
        (empty_sketch(_COLUMNS, cells=60, seed=SEED), "has cells 30 and the other 60"),
    ):
        with pytest.raises(Precondition, match=told):
            own.minus(other)


# --- the file ------------------------------------------------------------------------------------


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """Return a file with the sketch of three rows."""
    path = tmp_path / "care.sketch"
    sketch = _sketch(tmp_path, [row(f"s{number}") for number in range(3)])
    write_sketch(path, sketch)
    return path


def test_two_centres_find_their_own_odd_rows(tmp_path: Path, path: Path) -> None:
    """Each subtracts the other's file from its own, and tells its rows by the keys left over."""
    rows = [row("s0"), row("s1", cash_fen=1), row("s2"), row("s7")]
    mine = _sketch(tmp_path, rows)

    keys = mine.minus(read_sketch(path)).decoded().odd_keys()

    found = rows_of_keys(written(tmp_path, Side.INSURED, rows), keys, SEED)
    assert ["s1", "s7"] == found["settlement"].to_pylist()
    assert [1, 3_000] == found["cash_fen"].to_pylist()


def test_what_is_written_is_read(path: Path, tmp_path: Path) -> None:
    """Nothing is lost on the way, and the same sketch gives the same bytes."""
    sketch = read_sketch(path)
    again = tmp_path / "again.sketch"

    assert path.stat().st_size == write_sketch(again, sketch)
    assert path.read_bytes() == again.read_bytes()
    assert (4, _COLUMNS, SEED) == (sketch.rows, sketch.columns, sketch.seed)


def test_a_changed_file_is_refused(path: Path) -> None:
    """One bit more anywhere, be it in the header or in a cell, and the file is refused."""
    content = path.read_bytes()
    for at in [*range(0, 700, 23), *range(700, len(content), 997), len(content) - 1]:
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(InvalidRequest):
            read_sketch(path)


def _with_header(content: bytes, **changes: object) -> bytes:
    first, line, cells = content.split(b"\n", 2)
    return b"\n".join([first, orjson.dumps(orjson.loads(line) | changes), cells])


def test_a_header_has_a_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it may be it is read; one byte more is not."""
    length = len(path.read_bytes().split(b"\n", 2)[1]) + 1
    monkeypatch.setattr(limits, "SKETCH_HEADER_BYTES_MAX", length)
    assert 4 == read_sketch(path).rows

    monkeypatch.setattr(limits, "SKETCH_HEADER_BYTES_MAX", length - 2)
    with pytest.raises(InvalidRequest, match="has a header that is no JSON"):
        read_sketch(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: content[:-1], "has 9599 bytes of cells, and its header says 9600"),
        (lambda content: content + b"x", "has more of cells"),
        (lambda content: content.replace(b"sketch 1", b"sketch 2", 1), "is of another version"),
        (lambda content: b"PK" + content, "is no sketch; a sketch begins with"),
        (lambda content: FORMAT + b"{\n", "has a header that is no JSON"),
        (lambda content: FORMAT + b"{}\n", "says nothing that can be read"),
        (lambda content: _with_header(content, cells=10**12), "says nothing that can be read"),
        (lambda content: _with_header(content, cells=300.0), "says nothing that can be read"),
        (lambda content: _with_header(content, columns=["x"]), "says nothing that can be read"),
        (lambda content: _with_header(content, seed="xyz"), "says nothing that can be read"),
        (lambda content: _with_header(content, rows=5), "its digest is another"),
        (lambda content: _with_header(content, seed="00"), "its digest is another"),
    ],
)
def test_what_is_no_sketch_says_why(path: Path, change: object, told: str) -> None:
    """A file that was cut, is longer, of another version or of another kind is told apart."""
    assert callable(change)
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(InvalidRequest, match=told):
        read_sketch(path)


# --- hashes, once more in plain Python -----------------------------------------------------------

_MASK = 2**64 - 1
_PI = (0x243F6A8885A308D3, 0x13198A2E03707345)


def _folded(one: int, other: int) -> int:
    product = one * other
    return (product >> 64) ^ (product & _MASK)


def _plain_lanes(name: str, value: object) -> tuple[int, int]:
    digest = sha512(len(SEED).to_bytes(2, "little") + SEED + name.encode()).digest()
    a, b, c, d, e, f, *null = (
        int.from_bytes(digest[at : at + 8], "little") for at in range(0, 64, 8)
    )
    if value is None:
        return null[0], null[1]
    if not isinstance(value, str):
        number = (value - date(1970, 1, 1)).days if isinstance(value, date) else value
        assert isinstance(number, int)
        mixed = ((number + a) & _MASK) * (b | 1) & _MASK
        mixed ^= mixed >> 32
        return _folded(mixed ^ c, e | 1), _folded(mixed ^ d, f | 1)
    text, first, second = value.encode(), a, b
    whole = [text[at : at + 16] for at in range(0, max(len(text) - 16, 0), 16)]
    if len(text) >= 8:
        ends = text[-16:] if len(text) >= 16 else text[:8] + text[-8:]
    else:
        ends = text.ljust(16, b"\0")
    for part in (*whole, ends):
        low, high = (int.from_bytes(part[at : at + 8], "little") for at in (0, 8))
        first, second = _folded(low ^ c, high ^ first), _folded(low ^ d, high ^ second)
    size = len(text)
    return _folded(first ^ e, size ^ _PI[0]), _folded(second ^ f, size ^ _PI[1])


@given(
    st.fixed_dictionaries(
        {
            "settlement": st.text(min_size=1, max_size=40),
            "card": st.none() | st.text(max_size=70),
            "cash_fen": st.integers(-limits.AMOUNT_FEN_MAX, limits.AMOUNT_FEN_MAX),
            "record_date": st.dates(date(1900, 1, 1), date(2100, 1, 1)),
        }
    )
)
def test_hashes_are_those_of_the_format(values: Row) -> None:
    """What two centres exchange was hashed as it is written down here, whatever the machine."""
    own = row("s1") | values
    plain = [_plain_lanes(name, own[name]) for name in _COLUMNS]

    lanes = Hasher(SEED).lanes(table([own]).to_batches()[0], _COLUMNS)

    assert (sum(one for one, _ in plain) & _MASK, sum(two for _, two in plain) & _MASK) == (
        int(lanes.one[0]),
        int(lanes.two[0]),
    )
