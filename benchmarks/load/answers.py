"""Whether an answer is the one its claim must get, as far as that follows from the claim alone.

The pots and their sums are worked out from the catalogue; what the payers pay depends on the
person's other claims, so there the sums of a settlement are checked, to the fen.
"""

from collections.abc import Iterable

import pyarrow as pa
from medsettle.v1 import settlement_service_pb2 as settlements

from benchmarks.load.claims import Bills


def wrong_settlements(bills: Bills, answers: Iterable[tuple[int, bytes]]) -> list[str]:
    """Return what is wrong with the answers to single claims, a sentence for each wrong one."""
    found = []
    for number, content in answers:
        wrong = _wrong(bills, number, settlements.Settlement.FromString(content))
        if wrong:
            found.append(f"claim {bills.request_id(number)}: {', '.join(wrong)}")
    return found


def _wrong(bills: Bills, number: int, answer: settlements.Settlement) -> list[str]:
    lines = bills.lines(number)
    total = sum(line.amount_fen for line in lines)
    own = sum(line.own_expense_fen for line in lines)
    pre = sum(line.pre_self_pay_fen for line in lines)
    shares = answer.account_fen + answer.mutual_aid_fen + answer.cash_fen
    paid = answer.fund_total_fen + answer.institution_share_fen + answer.person_total_fen
    told = [(line.item_code, line.amount_fen) for line in answer.lines]
    checks = {
        "request id": answer.request_id == bills.request_id(number),
        "person": answer.person == bills.person(number),
        "not recorded": answer.seq > 0 and answer.HasField("create_time"),
        "a duplicate": not answer.duplicate,
        "total": answer.total_fen == total,
        "own expense": answer.own_expense_fen == own,
        "first-self-pay": answer.pre_self_pay_fen == pre,
        "in scope": answer.in_scope_fen == total - own - pre,
        "lines": told == [(line.item.code, line.amount_fen) for line in lines],
        "shares of the person": answer.person_total_fen == shares and answer.cash_fen >= 0,
        "sum of the shares": paid == total,
    }
    return [what for what, holds in checks.items() if not holds]


def wrong_streams(bills: Bills, answers: Iterable[tuple[range, bytes]]) -> list[str]:
    """Return what is wrong with the answers to Arrow streams of claims."""
    found = []
    for numbers, content in answers:
        message = settlements.SettleClaimsResponse.FromString(content)
        with pa.ipc.open_stream(message.arrow_stream) as reader:
            columns = reader.read_all().to_pydict()
        for place, number in enumerate(numbers):
            total = sum(line.amount_fen for line in bills.lines(number))
            row = {name: columns[name][place] for name in _TOLD}
            shares = [row[name] for name in _TOLD[2:]]
            settled = row["outcome"] == "SETTLED" and row["total_fen"] == total
            if not settled or sum(shares) != total:
                found.append(f"claim {bills.request_id(number)}: {row['outcome']}, {row}")
        if len(columns["outcome"]) != len(numbers):
            found.append(f"{len(columns['outcome'])} answers to {len(numbers)} claims")
    return found


_TOLD = ("outcome", "total_fen", "fund_total_fen", "institution_share_fen", "person_total_fen")
