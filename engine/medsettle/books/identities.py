"""The identities that the amounts of every settlement obey, in our words.

The national interface states some and its real messages show the others; they are named here by
its letters. They hold for a cancel too, where every amount is negative, and of an
adjustment, which has no lines.
"""

from collections.abc import Iterable

from medsettle.core.settlement import Row, Settlement

_PARTS = ("own_expense", "over_limit", "pre_self_pay", "in_scope")
_FUNDS = (
    "pooled_fund",
    "civil_servant",
    "enterprise",
    "large_amount",
    "critical_illness",
    "disabled_serviceman",
    "assistance",
    "other_fund",
)
_PAYERS = (*_FUNDS, "institution_share", "account", "mutual_aid")


def broken_identities(settlement: Settlement) -> list[str]:
    """Return a line for each identity that a settlement breaks, with both sides in fen."""
    columns = settlement.columns
    of_bill = [row for row in settlement.payers if row["payee"] == "bill"]
    beside = [row for row in settlement.payers if row["payee"] != "bill"]
    found = [
        ("A: the bill is its four parts", _fen(columns, "total"), _sum(columns, _PARTS)),
        (
            "B: funds, person and institution pay the bill",
            _fen(columns, "total"),
            _sum(columns, ("fund_total", "person_total", "institution_share")),
        ),
        (
            "C: a person pays from own and relatives' accounts and in cash",
            _fen(columns, "person_total"),
            _sum(columns, ("account", "mutual_aid", "cash")),
        ),
        ("D: the funds add up", _fen(columns, "fund_total"), _sum(columns, _FUNDS)),
        (
            "S: the stages are funds, accounts and institution",
            _column(of_bill, "paid"),
            _sum(columns, ("fund_total", "account", "mutual_aid", "institution_share")),
        ),
    ]
    found.append(("S: what is paid beside", _column(beside, "paid"), _fen(columns, "payouts")))
    for payer in _PAYERS:
        rows = [row for row in of_bill if row["payer"] == payer]
        found.append((f"S: the stages of {payer}", _column(rows, "paid"), _fen(columns, payer)))
    for stage in [row for row in of_bill if row["payer"] == "mutual_aid"]:
        shares = [row for row in settlement.relatives if row["stage"] == stage["stage"]]
        name = f"S: the relatives' shares of {stage['stage']}"
        found.append((name, _column(shares, "paid"), _fen(stage, "paid")))
    if columns["kind"] == "adjust":
        return _broken(found)
    for line in settlement.lines:
        whole, parts = _fen(line, "amount"), _sum(line, _PARTS)
        found.append((f"L: line {line['line_id']} is its four parts", whole, parts))
    for part in _PARTS:
        of_lines = _column(settlement.lines, part)
        found.append((f"L: {part} of the lines", of_lines, _fen(columns, part)))
    return _broken(found)


def _broken(found: Iterable[tuple[str, int, int]]) -> list[str]:
    return [f"{name}: {left} is not {right}" for name, left, right in found if left != right]


def _fen(row: Row, name: str) -> int:
    value = row[f"{name}_fen"]
    assert isinstance(value, int)
    return value


def _sum(row: Row, names: Iterable[str]) -> int:
    return sum(_fen(row, name) for name in names)


def _column(rows: Iterable[Row], name: str) -> int:
    return sum(_fen(row, name) for row in rows)
