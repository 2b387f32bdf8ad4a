"""What a report says in sentences agrees with the columns that it is said of."""

from dataclasses import replace

import pyarrow as pa
import pytest
from medsettle.replay.report_sentences import summary

from tests.replay_report.conftest import Replayed


@pytest.mark.parametrize(
    ("change_fen", "english", "chinese", "payouts"),
    [
        (-1, "paid 0.01 yuan less (0.00 %)", "少支付 0.01 元（0.00 %）", "−0.01 yuan"),
        (1, "paid 0.01 yuan more (0.00 %)", "多支付 0.01 元（0.00 %）", "+0.01 yuan"),
        (-125_00, "paid 125.00 yuan less (−1.25 %)", "少支付 125.00 元（−1.25 %）", "−125.00 yuan"),
        (125_00, "paid 125.00 yuan more (+1.25 %)", "多支付 125.00 元（+1.25 %）", "+125.00 yuan"),
    ],
)
def test_a_change_has_the_sign_of_its_column(
    replayed: Replayed, change_fen: int, english: str, chinese: str, payouts: str
) -> None:
    """Of 10,000 yuan; what rounds to nothing has none, whichever way it goes."""
    figures = dict(replayed.comparison.reforms[0].figures)
    funds = figures["funds"]
    before = {"baseline_fen": 10_000_00, "reform_fen": 10_000_00 + change_fen}
    rows = [row | before | {"change_fen": change_fen} for row in funds.rows()]
    figures["funds"] = replace(funds, table=pa.Table.from_pylist(rows, funds.table.schema))

    told = summary("july", figures)

    assert f"With july, funds would have {english}, and persons" in told.en
    assert f"基金将{chinese}，" in told.zh
    assert f"What is paid beside the bill changes by {payouts}." in told.en
