"""From the results of the waterfall to settlements: totals, payers, line splits, conservation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import BILL
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row, Settlement
from medsettle.errors import InternalError
from medsettle.policy.model import STAGE_AMOUNTS, Gap
from medsettle.settle.claim_lines import Prepared, pot_names
from medsettle.settle.relatives import Share, share_rows
from medsettle.settle.waterfall import Work

FACT_COLUMNS = tuple(
    column.name
    for column in schema.SETTLEMENT
    if column.name in {claim_column.name for claim_column in schema.CLAIM}
)

LIST_VERSION_COLUMNS = tuple(column.name for column in schema.LIST_VERSIONS)

_FUND_PAY_TYPE = {payer.name: payer.fund_pay_type for payer in codes.PAYERS}
_CLASS_CODES = ("", *codes.ITEM_CLASSES)


@dataclass(frozen=True, slots=True)
class Assembler:
    """Builds the settlements of one batch."""

    batch: ClaimBatch
    prepared: Prepared
    catalogue_digests: dict[str, str]
    shares: Mapping[int, Sequence[Share]]
    """What each claim takes of relatives' limits, by its row."""

    def settlements(self, work: Work) -> list[Settlement]:
        """Return the settlement of each claim of a work, in its order.

        Raises:
            InternalError: The shares of a claim do not add up to its total; nothing may be
                recorded.
        """
        self._assert_conserved(work)
        return [self._settlement(work, position) for position in range(len(work.rows))]

    def _assert_conserved(self, work: Work) -> None:
        paid = sum(work.results[f"payer:{payer}"] for payer in codes.PAYER_NAMES)
        broken = (paid + work.results["cash"] != work.columns["total"]) | (work.results["cash"] < 0)
        if np.any(broken):
            row = int(work.rows[np.flatnonzero(broken)[0]])
            name = work.policy.policy.name
            raise InternalError(f"shares of claim {row} under {name} do not add up to its total")

    def _settlement(self, work: Work, position: int) -> Settlement:
        row = int(work.rows[position])
        claim = self.batch.rows[row]
        value = {name: int(column[position]) for name, column in work.results.items()}
        policy, fact = work.policy, self.prepared.facts[row]
        assert fact is not None
        columns: Row = {name: claim[name] for name in FACT_COLUMNS}
        columns |= {
            "seq": None,
            "settlement": None,
            "kind": "settle",
            "original": None,
            "reversed_request": None,
            "create_time": None,
            "visit": None,
            "policy": policy.policy.name,
            "policy_digest": policy.digest,
            "catalogue_digest": self.catalogue_digests[fact.care.code],
            # Whoever looks the card up says in which lists.
            **dict.fromkeys(LIST_VERSION_COLUMNS),
        }
        columns |= self._amounts(work, position, value)
        notices = tuple(
            f"{gap.amount} is {_gap_yuan(value, gap)} yuan, which policy {policy.policy.name} "
            f"cannot decide: {gap.says}"
            for gap in policy.policy.gaps
            if value[f"gap:{gap.amount}"]
        )
        notices += tuple(
            f"{name} is not stated, and policy {policy.policy.name} pays by it; state it"
            for name in schema.CLAIM_AMOUNTS
            if value.get(f"gap:{name}")
        )
        named = {
            name.removeprefix("stage:"): amount
            for name, amount in value.items()
            if name.startswith("stage:")
        }
        return Settlement(
            columns=columns,
            payers=tuple(_payer_rows(work, value)),
            lines=tuple(self._line_rows(row)),
            amounts=named,
            notices=notices,
            relatives=share_rows(self.shares.get(row, ())),
        )

    def _amounts(self, work: Work, position: int, value: dict[str, int]) -> Row:
        row = int(work.rows[position])
        pots = self.prepared.pots[row]
        special = int(pots[len(codes.POT_NAMES) :].sum())
        amounts: Row = {"total_fen": int(pots.sum())}
        for index, name in enumerate(codes.POT_NAMES):
            amounts[f"{name}_fen"] = int(pots[index]) + (special if name == "in_scope" else 0)
        amounts["deductible_fen"] = value["deductible"]
        amounts |= {f"{name}_fen": value[f"payer:{name}"] for name in codes.PAYER_NAMES}
        amounts["fund_total_fen"] = sum(value[f"payer:{name}"] for name in codes.FUND_NAMES)
        own = sum(value[f"payer:{name}"] for name in codes.PERSONAL_NAMES)
        amounts["person_total_fen"] = own + value["cash"]
        amounts["cash_fen"] = value["cash"]
        held = work.before.get(work.policy.account_counter)
        account = int(held[position]) if held is not None else 0
        taken = value.get(f"counter:{work.policy.account_counter}", 0)
        amounts["account_balance_fen"] = account - taken
        amounts["payouts_fen"] = value["payouts"]
        return amounts

    def _line_rows(self, row: int) -> list[Row]:
        first, last = np.searchsorted(self.batch.line_claim, [row, row + 1]).tolist()
        lines: list[Row] = self.batch.rows[row]["lines"]  # type: ignore[assignment]
        parts = self.prepared.parts[:, first:last].T.tolist()
        classes = self.prepared.item_class[first:last].tolist()
        fact = self.prepared.facts[row]
        assert fact is not None
        names = pot_names(fact.area)
        pots = [names[pot] for pot in self.prepared.pot[first:last].tolist()]
        return [
            {
                "seq": None,
                "settlement": None,
                "line_id": line["line_id"],
                "item_code": line["item_code"],
                "item_class": _CLASS_CODES[item_class],
                "pot": pots[index],
                "route": None,
                "amount_fen": line["amount_fen"],
                **{f"{name}_fen": part[pot] for pot, name in enumerate(codes.POT_NAMES)},
            }
            for index, (line, part, item_class) in enumerate(
                zip(lines, parts, classes, strict=True)
            )
        ]


def _payer_rows(work: Work, value: dict[str, int]) -> list[Row]:
    rows: list[Row] = []
    for position, stage in enumerate(work.policy.policy.all_stages):
        amounts: Row = {
            f"{part}_fen": value[f"stage:{stage.name}.{part}"]
            for part in STAGE_AMOUNTS
            if part != "net"
        }
        rows.append(
            {
                "seq": None,
                "settlement": None,
                "position": position,
                "stage": stage.name,
                "payer": stage.payer,
                "fund_pay_type": _FUND_PAY_TYPE[stage.payer],
                **amounts,
                "payee": BILL if stage.payee is None else str(stage.payee),
                "replaced_fen": value.get(f"replaced:{stage.name}", 0),
                "debtor": None if stage.advance_for is None else str(stage.advance_for),
            }
        )
    return rows


def _gap_yuan(value: dict[str, int], gap: Gap) -> str:
    """Return the amount of a gap; a stage's is told in whole fen, where a gap may be finer."""
    return yuan_from_fen(value.get(f"stage:{gap.amount}", value[f"gap:{gap.amount}"]))


def negated(settlement: Settlement) -> Settlement:
    """Return the settlement with every amount negative, as a cancel records it (negative record).

    Balances are no flow, that of the account and what limits hold; the caller sets them.
    """
    return Settlement(
        columns=_negated_row(settlement.columns),
        payers=tuple(_negated_row(row) for row in settlement.payers),
        lines=tuple(_negated_row(row) for row in settlement.lines),
        amounts={name: -amount for name, amount in settlement.amounts.items()},
        relatives=tuple(
            _negated_row(row) | {"limit_left_fen": row["limit_left_fen"]}
            for row in settlement.relatives
        ),
    )


def _negated_row(row: Row) -> Row:
    return {
        name: -value if name.endswith("_fen") and isinstance(value, int) else value
        for name, value in row.items()
    }
