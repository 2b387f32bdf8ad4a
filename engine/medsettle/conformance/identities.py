"""Identities that hold in every answer with amounts, checked whatever a scenario expects.

A to D hold within setlinfo, S between it and setldetail, L within each line. Where a platform says
nothing of an amount, as a cancel does of some, the identity over it is not checked.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from medsettle.conformance.matching import number

_IN_SETTLEMENT: Final = {
    "A": (
        "medfee_sumamt",
        ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"),
    ),
    "B": ("medfee_sumamt", ("fund_pay_sumamt", "psn_part_amt", "hosp_part_amt")),
    "C": ("psn_part_amt", ("acct_pay", "psn_cash_pay")),
    "D": (
        "fund_pay_sumamt",
        (
            *("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay"),
            *("hifob_pay", "hifdm_pay", "maf_pay", "oth_pay"),
        ),
    ),
}
_IN_LINE: Final = (
    "det_item_fee_sumamt",
    ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt"),
)
_PAID: Final = ("fund_pay_sumamt", "acct_pay", "hosp_part_amt")
_LINE_NODES: Final = ("result", "detlcutinfo")

AMOUNTS: Final = tuple(
    dict.fromkeys(name for whole, parts in _IN_SETTLEMENT.values() for name in (whole, *parts))
)
"""Amounts of a settlement that repeat in a settle what its trial said, and negate in a cancel."""

SPLIT: Final = (_IN_LINE[0], *_IN_LINE[1])
"""Amounts of a line: what it costs, and the parts that it falls into."""


def broken_identities(output: object) -> Iterator[str]:
    """Yield a sentence for every identity that an output breaks."""
    if not isinstance(output, Mapping):
        return
    settlement = output.get("setlinfo")
    if isinstance(settlement, Mapping):
        for name, (whole, parts) in _IN_SETTLEMENT.items():
            yield from _broken(name, settlement, whole, parts)
        detail = output.get("setldetail")
        if isinstance(detail, list):
            yield from _broken_details(settlement, detail)
    for node in _LINE_NODES:
        rows = output.get(node)
        for at, row in enumerate(rows if isinstance(rows, list) else ()):
            whole, parts = _IN_LINE
            yield from (f"{node}[{at}]: {each}" for each in _broken("L", row, whole, parts))


def _broken(name: str, row: Mapping[str, Any], whole: str, parts: Sequence[str]) -> Iterator[str]:
    total = number(row.get(whole))
    amounts = [number(row.get(part)) for part in parts]
    # Platforms leave out hifdm_pay and hosp_part_amt where they know no such payer.
    told = [each for each, part in zip(amounts, parts, strict=True) if part in row]
    if total is None or not told or None in told:
        return
    found = sum((each for each in told if each is not None), Decimal(0))
    if total != found:
        yield f"identity {name}: {whole} {total} is not the sum {found} of {' + '.join(parts)}"


def _broken_details(settlement: Mapping[str, Any], detail: Sequence[Any]) -> Iterator[str]:
    paid = [number(settlement.get(name, 0)) for name in _PAID]
    rows = [number(row.get("fund_payamt")) for row in detail if isinstance(row, Mapping)]
    if None in paid or None in rows:
        return
    expected = sum((each for each in paid if each is not None), Decimal(0))
    found = sum((each for each in rows if each is not None), Decimal(0))
    if expected != found:
        yield f"identity S: setldetail adds up to {found}, {' + '.join(_PAID)} to {expected}"


def amount_differences(
    output: object, earlier: object, *, negated: bool, word: str
) -> Iterator[str]:
    """Yield a sentence for every amount that does not repeat, or take back, that of another."""
    if not isinstance(output, Mapping) or not isinstance(earlier, Mapping):
        yield f"{word}: one of the two has no output"
        return
    found, before = output.get("setlinfo") or {}, earlier.get("setlinfo") or {}
    for name in AMOUNTS:
        now, then = number(found.get(name)), number(before.get(name))
        if negated and now is None:
            # Platforms leave some amounts of a cancel empty.
            continue
        wanted = -then if negated and then is not None else then
        if now != wanted:
            yield f"{word}: {name} is {now} where {wanted} is expected"
