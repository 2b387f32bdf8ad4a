"""A million invalid cards: what a look-up costs a claim, and what a list costs to load."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import process_time

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.cards.invalid_list import InvalidList, InvalidLists, Slot, digest_of, slots_of
from medsettle.cards.list_format import list_bytes, read_list
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger import SqliteLedger
from medsettle.policy.book import load_rule_book
from pytest_benchmark.fixture import BenchmarkFixture

from tests.engine.engines import RULES
from tests.service.claims import claim

_COUNT = 1_000_000
_AREA = "999900"
_NOW = datetime(2024, 6, 1, tzinfo=UTC)
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


_LISTED = [f"L{number}" for number in range(1_000)]
_VALID = [f"V{number}" for number in range(1_000)]


def _content(slot: Slot, listed: list[str], seed: int) -> bytes:
    """Return a list of a million digests drawn evenly, as those of tokens are, and a few cards."""
    since = _NOW - timedelta(days=1)
    drawn = np.random.default_rng(seed).bytes(16 * (_COUNT - len(listed)))
    digests = sorted({drawn[at : at + 16] for at in range(0, len(drawn), 16)})
    digests = sorted([*digests, *map(digest_of, listed)])
    empty = pa.ipc.open_file(list_bytes(slot, 1, since, _NOW, [])).read_all()
    columns = [digests, ["lost"] * len(digests), [since] * len(digests)]
    table = pa.table(columns, schema=empty.schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.fixture(scope="module")
def contents() -> list[bytes]:
    """Return three lists of a million cards, for the nation, a province and a city."""
    nation, province, city = slots_of(_AREA)
    return [_content(nation, [], 1), _content(province, [], 2), _content(city, _LISTED, 3)]


def _read(contents: list[bytes]) -> list[InvalidList]:
    return [
        read_list(content, _KEY.sign(content), _KEY.public_key(), slot, _NOW)
        for slot, content in zip(slots_of(_AREA), contents, strict=False)
    ]


@pytest.mark.benchmark(group="invalid list: one claim, three lists of a million")
def test_a_valid_card(benchmark: BenchmarkFixture, contents: list[bytes]) -> None:
    """What a claim pays for its card being on none of the three: the usual case."""
    lists = InvalidLists(_read(contents))
    tokens = _VALID

    def look_up() -> int:
        return sum(lists.find(_AREA, token, _NOW) is None for token in tokens)

    assert len(tokens) == benchmark(look_up)
    benchmark.extra_info["claims"] = len(tokens)


@pytest.mark.benchmark(group="invalid list: one claim, three lists of a million")
def test_a_card_on_the_last_list(benchmark: BenchmarkFixture, contents: list[bytes]) -> None:
    """What a claim pays whose card only the city lists, the entry made included."""
    lists = InvalidLists(_read(contents))
    tokens = _LISTED

    def look_up() -> int:
        return sum(lists.find(_AREA, token, _NOW) is not None for token in tokens)

    assert len(tokens) == benchmark(look_up)
    benchmark.extra_info["claims"] = len(tokens)


# Wall time of a long call differs by more than the lists cost where other work runs beside it.
@pytest.mark.benchmark(group="invalid list: a call of a thousand claims", timer=process_time)
@pytest.mark.parametrize("lists", ["none", "three"])
def test_a_settlement_call(
    benchmark: BenchmarkFixture, contents: list[bytes], tmp_path: Path, lists: str
) -> None:
    """What a whole call takes with no list and with three: the difference is what they cost it."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    try:
        engine = Engine(load_rule_book(RULES), ledger, lambda: _NOW)
        engine.cards.replace_lists(InvalidLists(_read(contents) if lists == "three" else ()))
        rows = [
            claim(number, account_used=False) | {"credential_type": "03", "card": token}
            for number, token in enumerate(_VALID)
        ]
        batch = ClaimBatch.from_rows(rows)
        answers = benchmark(lambda: engine.preview(batch))
    finally:
        ledger.close()

    assert {1 if lists == "three" else None} == {
        answer.columns["city_list_version"] for answer in answers if isinstance(answer, Settlement)
    }
    assert len(rows) == len(answers)
    benchmark.extra_info["claims"] = len(rows)


@pytest.mark.benchmark(group="invalid list: one look-up among a million")
@pytest.mark.parametrize("kind", ["prefixes", "frozenset", "searchsorted"])
def test_candidates(benchmark: BenchmarkFixture, contents: list[bytes], kind: str) -> None:
    """The table of prefixes beside a set of bytes and NumPy's binary search."""
    held = _read(contents[:1])[0]
    rows = np.frombuffer(held.digests, dtype="S16")
    every = frozenset(held.digests[at : at + 16] for at in range(0, len(held.digests), 16))
    digests = [digest_of(token) for token in _VALID]
    ways = {
        "prefixes": lambda digest: held.position(digest) < 0,
        "frozenset": lambda digest: digest not in every,
        "searchsorted": lambda digest: _absent(rows, digest),
    }
    absent = ways[kind]

    assert len(digests) == benchmark(lambda: sum(map(absent, digests)))
    benchmark.extra_info["claims"] = len(digests)


def _absent(rows: np.ndarray[tuple[int], np.dtype[np.bytes_]], digest: bytes) -> bool:
    at = int(rows.searchsorted(np.bytes_(digest)))
    return at == len(rows) or bytes(rows[at]) != digest


@pytest.mark.benchmark(group="invalid list: load a million")
def test_load(benchmark: BenchmarkFixture, contents: list[bytes]) -> None:
    """What a reload takes in its thread: signature, checks, table of prefixes."""
    assert _COUNT == len(benchmark(lambda: _read(contents[:1]))[0])


@pytest.mark.benchmark(group="invalid list: load a million")
def test_the_same_list_again(benchmark: BenchmarkFixture, contents: list[bytes]) -> None:
    """What a reload takes where nothing has changed: one digest of the file."""
    expected = sha256(contents[0]).digest()

    assert benchmark(lambda: sha256(contents[0]).digest()) == expected
