"""Adjustments: a correction that two books agreed upon, recorded beside the settlement it corrects.

It has the facts and the service day of its original, so it counts in the same benefit year, and is
recorded now, so it is cleared in the month that is open. Counters move only where that is stated;
the personal account moves with the share that it pays. A cancel of the original takes back what was
adjusted in the same commit (`undone_adjustments`), so that nothing of the two is left.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from medsettle import errors, limits
from medsettle.core import codes
from medsettle.core.adjustments import ADJUSTABLE, Adjustment, broken_sums
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.settlement import Explanation, Row, Sentence, Settlement
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import code_faults, content_digest, sender_faults, settlement_id
from medsettle.ledger.entries import Entry, LedgerReader, Posting, Recorded
from medsettle.ledger.records import (
    decode_settlement,
    encode_record,
    named,
    placed,
)

STAGE: Final = "adjustment"
"""The stage of a share whose payer paid nothing of the original."""

_MAY_BE_NEGATIVE: Final = frozenset({"institution_share_fen"})
_NONE: Final[Row] = {
    "institution_settlement": None,
    "reversed_request": None,
    "visit": None,
    "payouts_fen": 0,
}


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Records adjustments, each request once."""

    ledger: LedgerReader
    log: RequestLog

    def adjust(self, adjustment: Adjustment) -> Settlement:
        """Return the record that adds to a settlement, after its commit.

        Raises:
            InvalidRequest: Codes are malformed, amounts are none of a settlement or do not add up,
                nothing is adjusted, or who proposed it also approved it.
            NotFound: No settlement of this institution has that id.
            AlreadyCancelled: It was taken back.
            Precondition: Less than nothing of an amount, a counter or the account would be left,
                relatives' money is to be adjusted, or a copy is to move counters.
            RequestIdReused: The request id was used before for something else.
            LedgerUnavailable: Nothing was recorded.
        """
        _check(adjustment)
        asked = Asked(adjustment.institution, adjustment.request_id, _digest(adjustment))

        def act(found: Recorded | None) -> Settlement:
            if (
                found is None
                or found.kind != "settle"
                or found.institution != adjustment.institution
            ):
                raise errors.NotFound(
                    f"institution {adjustment.institution} has no settlement "
                    f"{adjustment.settlement!r} to adjust",
                    settlement=adjustment.settlement,
                )
            return self._adjusted(found, adjustment, asked)

        return self.log.answer_about(
            asked,
            lambda: self.ledger.settlement(adjustment.settlement),
            act,
            lambda recorded: decode_settlement(recorded, duplicate=True),
        )

    def _adjusted(self, original: Recorded, adjustment: Adjustment, asked: Asked) -> Settlement:
        cancelled = self.ledger.cancel_of(original.settlement)
        if cancelled is not None:
            raise errors.AlreadyCancelled(
                f"settlement {original.settlement} was cancelled by {cancelled.settlement}; "
                "nothing of it is left to adjust",
                settlement=original.settlement,
                cancelled_by=cancelled.settlement,
            )
        held = decode_settlement(original)
        self._refuse_below_zero(original, held, adjustment)
        moves = _moves(original, held, adjustment)
        balance = self._balance(original, held, moves)
        entry, answer = adjust_entry(original, asked, adjustment.amounts, moves, balance)
        told: Row = {
            "item": adjustment.item,
            "reason": adjustment.reason,
            "proposed_by": adjustment.proposed_by,
            "approved_by": adjustment.approved_by,
        }
        return placed(answer, *self.log.commit([with_reason(entry, told)]))

    def _refuse_below_zero(
        self, original: Recorded, held: Settlement, adjustment: Adjustment
    ) -> None:
        """Raise Precondition where less than nothing of an amount would stand."""
        before = adjusted_by(self.ledger, original)
        for name in ADJUSTABLE:
            left = held.fen(name) + before.get(name, 0) + adjustment.fen(name)
            if left < 0 and name not in _MAY_BE_NEGATIVE and adjustment.fen(name):
                raise errors.Precondition(
                    f"{name} of settlement {original.settlement} would become {left}; adjust by "
                    f"{-left} less, or cancel the settlement",
                    settlement=original.settlement,
                    column=name,
                )

    def _balance(
        self, original: Recorded, held: Settlement, moves: Sequence[Posting]
    ) -> int | None:
        """Return what the account holds afterwards; a copy keeps the balance it was told.

        Raises:
            Precondition: A counter or the account would fall below zero.
        """
        account = CounterKey(original.pooling_area, original.person, ACCOUNT, 0)
        values = self.ledger.counters(list({account, *(each.key for each in moves)}))
        for key, delta in ((each.key, each.delta) for each in moves):
            value = values.get(key, 0) + delta
            if not 0 <= value <= limits.AMOUNT_FEN_MAX:
                raise errors.Precondition(
                    f"counter {key.counter} of period {key.period} would become {value}, expected "
                    f"0 to {limits.AMOUNT_FEN_MAX}; state another move, or cancel the settlement",
                    settlement=original.settlement,
                    counter=key.counter,
                )
        if held.columns.get("side") is not None:
            return held.fen("account_balance_fen")
        return values.get(account, 0) + sum(e.delta for e in moves if e.key == account)


def adjust_entry(
    original: Recorded,
    asked: Asked,
    amounts: Mapping[str, int],
    moves: Sequence[Posting],
    balance_fen: int | None,
) -> tuple[Entry, Settlement]:
    """Return the entry that adds amounts to a settlement, and its answer.

    Args:
        original: The settlement.
        asked: The request, to be recorded under its id.
        amounts: Fen by the names of `ADJUSTABLE`.
        moves: What it moves.
        balance_fen: What the account holds afterwards; None for what is not known.
    """
    held = decode_settlement(original)
    own_id = settlement_id(original.pooling_area, asked.institution, asked.request_id)
    columns: Row = {name: amounts.get(name, 0) for name in ADJUSTABLE}
    columns |= _NONE | {
        "seq": None,
        "create_time": None,
        "kind": "adjust",
        "original": original.settlement,
        "request_id": asked.request_id,
        "account_balance_fen": balance_fen,
    }
    answer = Settlement(held.columns | columns, tuple(_shares(held, amounts)), ())
    answer = named(answer, own_id)
    entry = Entry(
        kind="adjust",
        settlement=own_id,
        original=None,
        institution=asked.institution,
        request_id=asked.request_id,
        institution_settlement=None,
        pooling_area=original.pooling_area,
        person=original.person,
        service_day=original.service_day,
        content_digest=asked.digest,
        record=encode_record(answer, {}, tuple(moves), None),
        postings=tuple(moves),
        subject=original.settlement,
    )
    return entry, answer


def adjustments_of(ledger: LedgerReader, original: Recorded) -> list[Recorded]:
    """Return the adjustments of a settlement, in ledger order."""
    held = ledger.events([(original.pooling_area, original.person)], "adjust")
    return [each for each in held if each.subject == original.settlement]


def adjusted_by(ledger: LedgerReader, original: Recorded) -> dict[str, int]:
    """Return what the adjustments of a settlement add up to, by column; nothing where to zero."""
    found: dict[str, int] = {}
    for each in adjustments_of(ledger, original):
        columns = decode_settlement(each).columns
        for name in ADJUSTABLE:
            found[name] = found.get(name, 0) + int(str(columns[name]))
    return {name: fen for name, fen in found.items() if fen}


def explain_adjustment(recorded: Recorded) -> Explanation:
    """Return the explanation of an adjustment: every share with its reason and who agreed."""
    settlement = decode_settlement(recorded)
    told = orjson.loads(recorded.record)["adjustment"]
    by = ""
    if told["proposed_by"]:
        by = f"; proposed by {told['proposed_by']}, approved by {told['approved_by']}"
    reason = f"{told['reason']}{by}"
    shares = [
        (str(e["payer"]), str(e["stage"]), int(str(e["paid_fen"]))) for e in settlement.payers
    ]
    shares.append(("cash", "cash", settlement.fen("cash_fen")))
    original = settlement.columns["original"]
    sentences = tuple(
        Sentence(
            payer=payer,
            stage=stage,
            text_en=f"Adjusts settlement {original}: {reason}",
            text_zh=f"调整结算 {original}：{reason}",
            amount_fen=fen,
            clause="",
            steps=(),
        )
        for payer, stage, fen in shares
    )
    return Explanation(recorded.settlement, sentences)


def _check(adjustment: Adjustment) -> None:
    faults = sender_faults(adjustment.institution, adjustment.request_id)
    faults += code_faults("settlement", adjustment.settlement, limits.CODE_CHARS_MAX)
    for name in ("proposed_by", "approved_by"):
        faults += code_faults(name, getattr(adjustment, name), limits.CODE_CHARS_MAX)
    if adjustment.proposed_by.casefold() == adjustment.approved_by.casefold():
        faults.append(errors.Fault("approved_by", "is who proposed it; ask another person"))
    for name, fen in adjustment.amounts.items():
        if name not in ADJUSTABLE:
            faults.append(errors.Fault(f"amounts.{name}", "is no amount that can be adjusted"))
        elif abs(fen) > limits.AMOUNT_FEN_MAX:
            faults.append(errors.Fault(f"amounts.{name}", f"{fen} is beyond the bound of amounts"))
    faults += [errors.Fault("amounts", text) for text in broken_sums(adjustment.amounts)]
    if not any(adjustment.amounts.values()) and not adjustment.moves:
        faults.append(errors.Fault("amounts", "nothing is adjusted; state a difference"))
    for counter, period, _ in adjustment.moves:
        if counter == ACCOUNT or counter.startswith("relative."):
            text = f"{counter} {period} follows the shares; state account_fen instead"
            faults.append(errors.Fault("moves", text))
    if faults:
        raise errors.InvalidRequest(faults)


def _digest(adjustment: Adjustment) -> bytes:
    content: Row = {
        "settlement": adjustment.settlement,
        "amounts": {name: fen for name, fen in sorted(adjustment.amounts.items()) if fen},
        "moves": [list(move) for move in adjustment.moves],
        "item": adjustment.item,
    }
    return content_digest("adjust", content)


def _moves(original: Recorded, held: Settlement, adjustment: Adjustment) -> list[Posting]:
    """Return the postings of an adjustment; a copy moves nothing here.

    Raises:
        Precondition: It takes relatives' money, or a copy is to move counters.
    """
    if adjustment.fen("mutual_aid_fen"):
        raise errors.Precondition(
            f"settlement {original.settlement} cannot be adjusted in what relatives pay, since "
            "that is set aside relative by relative; cancel it and settle it again",
            settlement=original.settlement,
        )
    own = (original.pooling_area, original.person)
    moves = [Posting(CounterKey(*own, name, at), delta) for name, at, delta in adjustment.moves]
    if held.columns.get("side") is not None:
        if moves:
            raise errors.Precondition(
                f"settlement {original.settlement} is a copy of what another area decided, which "
                "moves no counters here; adjust the counters there",
                settlement=original.settlement,
            )
        return []
    if fen := adjustment.fen("account_fen"):
        moves.append(Posting(CounterKey(*own, ACCOUNT, 0), -fen))
    return moves


def _shares(held: Settlement, amounts: Mapping[str, int]) -> Iterator[Row]:
    """Yield a row for each payer whose share changes, by the stage that paid last before."""
    of_bill = [row for row in held.payers if row["payee"] == codes.BILL]
    position = 0
    for payer in codes.PAYERS:
        fen = amounts.get(f"{payer.name}_fen", 0)
        if not fen:
            continue
        paid = [row for row in of_bill if row["payer"] == payer.name]
        away = [row["care_fund_pay_type"] for row in of_bill if row.get("care_fund_pay_type")]
        like: Row = {
            "stage": STAGE,
            "payer": payer.name,
            "fund_pay_type": payer.fund_pay_type,
            "debtor": None,
            "care_fund_pay_type": away[0] if away and payer.fund else None,
        }
        if paid:
            like = {name: paid[-1].get(name) for name in like}
        nothing = {
            f"{name}_fen": 0
            for name in ("base", "kept_back", "deductible", "own_share", "over_cap", "replaced")
        }
        yield {
            "seq": None,
            "position": position,
            "payee": codes.BILL,
            "paid_fen": fen,
            **like,
            **nothing,
        }
        position += 1


def with_reason(entry: Entry, told: Row) -> Entry:
    """Return an entry whose record says why, for which item and by whose word."""
    record = orjson.loads(entry.record) | {"adjustment": told}
    return replace(entry, record=orjson.dumps(record))
