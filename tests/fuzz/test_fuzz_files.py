"""Whatever a file or a command says: a sentence and an exit code, never a bug of ours."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import errors
from medsettle.cli.app import app
from medsettle.cli.exits import Exit, Quit, UnreadableFile
from medsettle.cli.files import read_claims
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from typer.testing import CliRunner

from tests.cli.claim_files import ENDINGS, write_claims
from tests.engine.engines import RULES, engine_on
from tests.service.claims import claim

pytestmark = pytest.mark.slow

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["2024-02-30", "0000-00-00", "9999-12-31", "P1", "310", "\ud800", "A" * 99])
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = sorted(claim(1))


@pytest.fixture(scope="module", name="engine")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with engine_on(tmp_path_factory.mktemp("ledger")) as engine:
        yield engine


@st.composite
def _claims(draw: st.DrawFn) -> Any:  # noqa: ANN401 - nearly a claim
    """Return a claim in which some values are anything, in its lines as well."""
    row: dict[str, Any] = claim(draw(st.integers(1, 9)))
    for name in draw(st.lists(st.sampled_from(_NAMES), max_size=3)):
        row[name] = draw(_VALUES)
    line = row["lines"][0] if isinstance(row["lines"], list) and row["lines"] else None
    if isinstance(line, dict):
        for name in draw(st.lists(st.sampled_from(sorted(line) or ["a"]), max_size=2)):
            line[name] = draw(_VALUES)
    if draw(st.booleans()):
        row[draw(st.text(max_size=8))] = draw(_VALUES)
    return row


@given(rows=st.lists(_claims() | _VALUES, min_size=1, max_size=4))
def test_any_json_is_answered(engine: Engine, rows: list[Any]) -> None:
    """Each row gets a settlement or a rejection, whatever stands in it; nothing is recorded."""
    answers = engine.preview(ClaimBatch.from_rows(rows))

    assert len(rows) == len(answers)
    assert all(isinstance(each, Settlement | Rejection) for each in answers)
    for each in answers:
        if isinstance(each, Rejection):
            assert isinstance(each.error(), errors.SettlementError)
    assert engine.ledger.last_seq() == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_file_is_refused_or_read(
    engine: Engine, tmp_path: Path, fuzz_rounds: int, ending: str
) -> None:
    """Files cut off, with bits flipped or bytes put in are read as claims, or refused in words."""
    rows = [orjson.loads(orjson.dumps(claim(number))) for number in range(3)]
    whole = write_claims(tmp_path / f"whole{ending}", rows).read_bytes()
    path = tmp_path / f"damaged{ending}"
    for at in range(fuzz_rounds * 25):
        draw = random.Random(f"{ending} {at}")
        path.write_bytes(_damaged(draw, whole))
        try:
            found = read_claims(path)
        except (UnreadableFile, OSError) as error:
            assert str(error), at
            continue
        assert len(found) == len(engine.preview(ClaimBatch.from_rows(found))), at


def _damaged(draw: random.Random, whole: bytes) -> bytes:
    data = bytearray(whole)
    way = draw.randrange(4)
    if way == 0:
        return whole[: draw.randrange(len(whole))]
    if way == 1:
        at = draw.randrange(len(data))
        return bytes(data[:at]) + draw.randbytes(draw.randint(1, 9)) + bytes(data[at:])
    for _ in range(draw.randint(1, 6)):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


_WORDS = st.sampled_from(
    [
        *("", " ", "-", "--", "--json", "-1", "\0", "[bold]", "../..", "/", "A" * 500, "统筹"),
        *("poolingAreas/-/settlements/x", "999900ffffffffffffffffffff", "\udcff", "%s", "day"),
    ]
)
_COMMANDS = st.sampled_from(
    [
        *(("explain",), ("cancel",), ("settle",), ("person", "show"), ("card", "show")),
        *(("relatives", "grant"), ("visit", "show"), ("ledger", "books"), ("audit", "show")),
    ]
)
_OPTIONS = st.lists(
    st.sampled_from(["--institution", "--request-id", "--by", "--sql", "--json", "--area"])
    | _WORDS,
    max_size=5,
)


@settings(max_examples=60)
@given(command=_COMMANDS, words=_OPTIONS)
def test_any_words_are_answered(
    tmp_path_factory: pytest.TempPathFactory, command: tuple[str, ...], words: list[str]
) -> None:
    """A command with anything after it ends with an exit code of the list, and never as a bug."""
    data = tmp_path_factory.mktemp("commands")
    with engine_on(data):
        pass
    place = ["--data", str(data), "--rules", str(RULES)]
    ran = CliRunner().invoke(app, [*command, *words, *place], catch_exceptions=True)
    ended = ran.exception
    code = ended.code if isinstance(ended, Quit | SystemExit) else ended or Exit.OK

    assert code in {Exit.OK, Exit.FINDING, Exit.USAGE}, (command, words, ran.exception)
