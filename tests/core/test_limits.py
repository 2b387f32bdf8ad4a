"""The bounds agree with one another and with the machine."""

import ast
from pathlib import Path

import numpy as np
from medsettle import limits
from medsettle.core import money, schema
from medsettle.core.columns import Kind
from medsettle.core.money import Rounding
from medsettle.v1.settlement_service_pb2 import Claim, ClaimLine

_TREE = ast.parse(Path(limits.__file__).read_text(encoding="utf-8"))


def test_int64_max_is_the_machine_s() -> None:
    """The bound all others are held against is that of a NumPy int64."""
    assert np.iinfo(np.int64).max == limits.INT64_MAX


def test_every_bound_is_final() -> None:
    """Each assignment declares its name Final, in capitals, so that no module can move a bound."""
    loose = [node.lineno for node in _TREE.body if isinstance(node, ast.Assign | ast.AugAssign)]
    declared = [node for node in _TREE.body if isinstance(node, ast.AnnAssign)]
    wrong = [node.lineno for node in declared if ast.unparse(node.annotation) != "Final"]
    small = [
        ast.unparse(node.target) for node in declared if not ast.unparse(node.target).isupper()
    ]

    assert [] == loose
    assert [] == wrong
    assert [] == small


def test_the_list_holds_bounds_alone() -> None:
    """Beside bounds and their relations there is a docstring and one import, and no code at all."""
    others = [
        ast.unparse(node)
        for node in _TREE.body[1:]
        if not isinstance(node, ast.AnnAssign | ast.Assert)
    ]

    assert ["from typing import Final"] == others


def test_relations_are_between_named_bounds() -> None:
    """Each relation asserts two bounds by name; its numbers are small factors or units of 1,000."""
    for node in _TREE.body:
        if isinstance(node, ast.Assert):
            names = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)}
            numbers = [part.value for part in ast.walk(node.test) if isinstance(part, ast.Constant)]

            assert len(names) > 1, f"limits.py:{node.lineno} relates fewer than two bounds"
            assert [] == [number for number in numbers if number not in {*range(10), 1000}]


def test_the_largest_amount_survives_the_largest_rate() -> None:
    """The largest amount in sub-fen, at the highest rate in parts per million, is exact."""
    largest = limits.AMOUNT_FEN_MAX * limits.SUBFEN
    rate = limits.RATE_DENOMINATOR_MAX - 1
    expected = largest * rate // limits.RATE_DENOMINATOR_MAX

    actual = money.scaled_quotient(
        np.array([largest], np.int64), rate, limits.RATE_DENOMINATOR_MAX, Rounding.DOWN
    )

    assert [expected] == actual.tolist()


def test_one_product_more_would_wrap() -> None:
    """The plain product of that amount and rate leaves int64, which is why it is split."""
    assert limits.AMOUNT_FEN_MAX * limits.SUBFEN * limits.RATE_DENOMINATOR_MAX > limits.INT64_MAX


def test_a_claim_of_largest_lines_fits_a_column() -> None:
    """The dearest lines add up before the sum is checked; what is taken does in sub-fen too."""
    assert limits.LINES_PER_CLAIM_MAX * limits.LINE_AMOUNT_FEN_MAX <= limits.INT64_MAX
    assert limits.CLAIM_TOTAL_FEN_MAX * limits.SUBFEN <= limits.INT64_MAX


def test_batches_fit_one_another() -> None:
    """A commit is part of a batch, a page has a default below its bound, a block holds rows."""
    assert limits.CLAIMS_PER_COMMIT_MAX <= limits.CLAIMS_PER_BATCH_MAX
    assert 0 < limits.PAGE_SIZE_DEFAULT <= limits.PAGE_SIZE_MAX
    assert 0 < limits.SCALAR_ROWS_MAX < limits.INTERPRETER_ROWS
    assert limits.SERVICE_YEAR_MIN < limits.SERVICE_YEAR_MAX


def test_a_line_of_the_longest_values_fits_its_bytes() -> None:
    """So a claim of the most lines fits into a message, with its own fields beside them."""
    texts = {column.name for column in schema.LINE if column.kind is Kind.CODE}
    longest = ClaimLine(
        fee_date={"year": limits.SERVICE_YEAR_MAX, "month": 12, "day": 31},
        quantity_e4=-limits.QUANTITY_E4_MAX,
        unit_price_e6=limits.UNIT_PRICE_E6_MAX,
        amount_fen=-limits.LINE_AMOUNT_FEN_MAX,
        **dict.fromkeys(texts, "x" * limits.CODE_CHARS_MAX),
    )
    claim = Claim(lines=[longest])

    assert {each.name for each in ClaimLine.DESCRIPTOR.fields} == {
        column.name for column in schema.LINE
    }
    assert claim.ByteSize() <= limits.LINE_BYTES_MAX
