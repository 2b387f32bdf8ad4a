"""A batch that came as columns is recorded and answered as the same batch of rows, to the byte."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.schema import claim_schema
from medsettle.core.settlement import Row
from medsettle.core.table_rows import TableRows
from medsettle.engine import Engine
from medsettle.engine.answers import Answers
from medsettle.engine.requests import claim_digest, claim_digests
from medsettle.engine.summaries import policy_summaries
from medsettle.ledger.entries import Recorded
from medsettle.policy.rule_book import RuleBook
from medsettle.service.streams import stream_of

from fixtures.claims import claim_rows
from fixtures.visit_facts import asked_by
from tests.engine.engines import REAL_RULES, RULES, engine_on, rule_book
from tests.engine.visits import SHAPES
from tests.service.claims import claim, line

_COUNT = 240
_ALL = 1_000


def _drawn(seed: int, book: RuleBook) -> list[Row]:
    """Return claims under a few policies of a book, some of which say more than most."""
    random = Random(seed)
    policies = random.sample(policy_summaries(book), 4)
    rows = list(claim_rows(seed, _COUNT, policies, book.catalogues, asked_by(book)))
    for row in rows:
        _changed(random, row)
    # One claim comes again word for word, one id with other content, and one number twice.
    other, again = not rows[7]["account_used"], {"request_id": "again"}
    return [*rows, dict(rows[5]), rows[7] | {"account_used": other}, rows[0] | again]


def _changed(random: Random, row: Row) -> None:
    lines: Any = row["lines"]
    drawn = random.randrange(12)
    if drawn == 0:
        row["encounter"], row["diagnosis"] = 'E"1\\', "A00.0"
    elif drawn == 1:
        row["benefit_groups"] = ["a'b", 'c"d']
    elif drawn == 2 and row["service_date"] >= date(2024, 4, 1):  # type: ignore[operator]
        row["offline_time"] = datetime(2024, 5, 1, 20, 0, 0, 7, tzinfo=UTC)
    elif drawn == 3:
        row["credential_type"], row["card"] = "03", f"C{random.randrange(3)}"
    elif drawn == 4 and lines:
        lines[0]["diagnosis"] = "A00.0"
        lines[-1]["line_id"] = 'x"\\y'
    elif drawn == 5:
        row["birth_date"] = row["service_date"] + timedelta(1)  # type: ignore[operator]
    elif drawn == 6 and lines:
        row["lines"] = [*lines, _taken_back(lines[0])]


def _taken_back(taken: Row) -> Row:
    return {
        **taken,
        "line_id": "back",
        "original_line": taken["line_id"],
        "quantity_e4": -int(taken["quantity_e4"]),  # type: ignore[call-overload]
        "amount_fen": -int(taken["amount_fen"]),  # type: ignore[call-overload]
    }


def _tables(rows: list[Row]) -> tuple[ClaimBatch, ClaimBatch]:
    table = claims_table(rows).cast(claim_schema())
    return ClaimBatch.from_arrow(table), ClaimBatch.from_rows(table.to_pylist())


def _ledger(engine: Engine) -> tuple[list[Recorded], list[Any], list[Any]]:
    entries = list(engine.ledger.page(after_seq=0, limit=_ALL))
    postings = list(engine.ledger.postings(1, engine.ledger.last_seq()))
    keys = sorted({key for _, key, _ in postings})
    return entries, postings, sorted(engine.ledger.counters(keys).items())


def _both(tmp_path: Path, rules: Path, rows: list[Row]) -> int:
    """Settle claims as columns and as rows; return how many were recorded by columns."""
    columns, plain = _tables(rows)
    assert isinstance(columns.rows, TableRows)
    (tmp_path / "columns").mkdir()
    (tmp_path / "rows").mkdir()
    with engine_on(tmp_path / "columns", rules) as one, engine_on(tmp_path / "rows", rules) as two:
        answers, expected = one.settle(columns), two.settle(plain)
        again = one.settle(_tables(rows)[0])

        assert _ledger(two) == _ledger(one)
        assert stream_of(expected) == stream_of(answers)
        assert list(expected) == list(answers)
        assert list(two.settle(plain)) == list(again)
    return sum(len(block.rows) for block in answers.blocks) if isinstance(answers, Answers) else 0


@pytest.mark.parametrize("seed", range(4))
def test_claims_under_shipped_policies(tmp_path: Path, seed: int) -> None:
    """Entries, postings, counters, answers and streams are the same, and most came by columns."""
    rows = _drawn(seed, rule_book(REAL_RULES))

    assert _both(tmp_path, REAL_RULES, rows) > len(rows) // 4


@pytest.mark.parametrize("seed", range(6))
def test_claims_under_every_shape_of_the_rule_language(tmp_path: Path, seed: int) -> None:
    """The same of invented areas, which ask everything that a document can ask."""
    _both(tmp_path, SHAPES, _drawn(seed, rule_book(SHAPES)))


@pytest.mark.both_stores
def test_claims_of_one_person_follow_one_another(tmp_path: Path) -> None:
    """Each meets the counters that the one before left, also where some are refused."""
    rows = [claim(number, person=f"P{number % 7}") for number in range(60)]
    rows[10]["lines"] = [line(100, item_code="no such item")]
    rows[11]["insurance_type"] = "390"

    assert _both(tmp_path, RULES, rows) > 50


def test_what_all_claims_say_alike_is_said_of_each(tmp_path: Path) -> None:
    """A batch of one claim many times differs in ids alone; a line is no list, two may be one."""
    rows = [
        claim(number, person="P1", lines=[line(0), line(0, line_id="2")]) for number in range(40)
    ]

    assert len(rows) == _both(tmp_path, RULES, rows)


def test_a_batch_of_whom_all_have_faults_has_no_texts() -> None:
    """There is nothing to be recorded of it, and nothing is made."""
    rows = [claim(number, lines=[]) for number in range(20)]
    columns, _ = _tables(rows)

    assert isinstance(columns.rows, TableRows)
    assert columns.rows.texts() is None


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32()], ids=str)
def test_a_dictionary_may_have_a_text_twice(kind: pa.DataType) -> None:
    """Items that are one text under two numbers are one value of all lines, as in rows."""
    rows = [claim(number, lines=[line(1), line(1, line_id="2")]) for number in range(20)]
    table = claims_table(rows).cast(claim_schema())
    lines = table["lines"].combine_chunks()
    parts = lines.flatten()
    names = [parts.type.field(at).name for at in range(parts.type.num_fields)]
    items = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 20, kind), pa.array(["A1", "A1"]))
    fields = [items if name == "item_code" else parts.field(name) for name in names]
    nested = pa.ListArray.from_arrays(lines.offsets, pa.StructArray.from_arrays(fields, names))
    place = table.column_names.index("lines")
    columns = ClaimBatch.from_arrow(table.set_column(place, "lines", nested))

    expected = {at: claim_digest("settle", row) for at, row in enumerate(columns.rows)}

    assert expected == claim_digests("settle", columns)


@pytest.mark.parametrize("below", [0, 1], ids=["enough", "one too few"])
def test_few_claims_of_a_policy_are_recorded_as_rows(tmp_path: Path, below: int) -> None:
    """Joining columns pays from some claims of a policy on; entries are the same either way."""
    rows = [claim(number) for number in range(limits.BLOCK_CLAIMS_MIN - below)]

    assert (0 if below else len(rows)) == _both(tmp_path, RULES, rows)


def test_an_answer_is_made_when_somebody_asks(tmp_path: Path) -> None:
    """Answers are a sequence like any other: from the end, in parts, and one by one."""
    rows = [claim(number) for number in range(40)]
    rows[3]["lines"] = []
    with engine_on(tmp_path) as engine:
        answers = engine.settle(_tables(rows)[0])
        listed = list(answers)

        assert (40, listed[-1], listed[2:5]) == (len(answers), answers[-1], answers[2:5])
        assert isinstance(answers[3], Rejection)
        with pytest.raises(IndexError):
            answers[40]
