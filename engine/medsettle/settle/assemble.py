"""From the results of the waterfall to settlements: totals, payers, line splits, conservation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import BILL
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row, Settlement
from medsettle.core.tables import ColumnRows, columns_of, squeezed
from medsettle.errors import InternalError
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import STAGE_AMOUNTS, Gap, Policy
from medsettle.policy.rule_book import DIGEST_CHARS
from medsettle.settle.claim_lines import Prepared, pot_names
from medsettle.settle.relatives import Share, share_rows
from medsettle.settle.waterfall import Work

LIST_VERSION_COLUMNS = tuple(column.name for column in schema.LIST_VERSIONS)

_FUND_PAY_TYPE = {payer.name: payer.fund_pay_type for payer in codes.PAYERS}
CLASS_CODES = ("", *codes.ITEM_CLASSES)
POT_COLUMNS = tuple(f"{name}_fen" for name in codes.POT_NAMES)
_IN_SCOPE = codes.POT_NAMES.index("in_scope")
_FUND_NAMES = frozenset(codes.FUND_NAMES)
FUNDS = tuple(f"payer:{name}" for name in codes.FUND_NAMES)
_SHARES = (*(f"payer:{name}" for name in codes.PAYER_NAMES), "cash")
PERSONAL = (*(f"payer:{name}" for name in codes.PERSONAL_NAMES), "cash")


class Forms:
    """How the results of policies become columns, worked out once for each policy."""

    def __init__(self) -> None:
        # Holding the policy keeps its id from being another one's.
        self._held: dict[int, tuple[CompiledPolicy, StageForms]] = {}

    def of(self, work: Work) -> "StageForms":
        """Return those of the policy of a work."""
        held = self._held.get(id(work.policy))
        if held is None:
            held = self._held[id(work.policy)] = work.policy, _forms(work)
        return held[1]


@dataclass(frozen=True, slots=True)
class Assembler:
    """Builds the settlements of one batch."""

    batch: ClaimBatch
    prepared: Prepared
    catalogue_digests: dict[str, str]
    shares: Mapping[int, Sequence[Share]]
    """What each claim takes of relatives' limits, by its row."""
    forms: Forms

    def settlements(self, work: Work) -> list[Settlement]:
        """Return the settlement of each claim of a work, in its order.

        Raises:
            InternalError: The shares of a claim do not add up to its total; nothing may be
                recorded.
        """
        self.assert_conserved(work)
        same = self.same(work)
        accounts = self.accounts(work).tolist()
        forms = self.forms.of(work)
        return [
            self._settlement(forms, row, same, value, account)
            for row, value, account in zip(
                work.rows.tolist(), work.results.claims(), accounts, strict=True
            )
        ]

    def settlement(
        self, work: Work, position: int, value: Mapping[str, int], account_fen: int
    ) -> Settlement:
        """Return the settlement of one claim of a work that is conserved.

        Args:
            work: The work.
            position: That of the claim in it.
            value: The results of the claim.
            account_fen: The balance of the account after it.
        """
        row = int(work.rows[position])
        return self._settlement(self.forms.of(work), row, self.same(work), value, account_fen)

    def assert_conserved(self, work: Work) -> None:
        """Raise `InternalError` where the shares of a claim do not add up to its total."""
        paid = work.results.total(_SHARES)
        broken = (paid != work.columns["total"]) | (work.results["cash"] < 0)
        if np.any(broken):
            row = int(work.rows[np.flatnonzero(broken)[0]])
            name = work.policy.policy.name
            raise InternalError(f"shares of claim {row} under {name} do not add up to its total")

    def same(self, work: Work) -> Row:
        """Return the columns that all settlements of a work share."""
        return {
            "seq": None,
            "settlement": None,
            "kind": "settle",
            "original": None,
            "reversed_request": None,
            "create_time": None,
            "visit": None,
            "policy": work.policy.policy.name,
            "policy_digest": work.policy.digest,
            "catalogue_digest": None,
            # Whoever looks the card up says in which lists.
            **dict.fromkeys(LIST_VERSION_COLUMNS),
            "side": None,
        }

    def accounts(self, work: Work) -> NDArray[np.int64]:
        """Return the balance of the account after each claim of a work."""
        name = work.policy.account_counter
        held = work.before.get(name)
        balance = np.zeros(len(work.rows), dtype=np.int64) if held is None else held.copy()
        taken = work.results.get(f"counter:{name}")
        if taken is not None:
            balance -= taken
        return balance

    def _settlement(
        self, forms: "StageForms", row: int, same: Row, value: Mapping[str, int], account_fen: int
    ) -> Settlement:
        claim, fact = self.batch.rows[row], self.prepared.facts[row]
        assert fact is not None
        columns: Row = {name: claim[name] for name in schema.REPEATED}
        columns |= same
        columns["catalogue_digest"] = self.catalogue_digest(row)
        columns |= self._pots(row)
        columns |= {column: value[name] for column, name in forms.amounts}
        columns["fund_total_fen"] = sum(value[name] for name in FUNDS)
        columns["person_total_fen"] = sum(value[name] for name in PERSONAL)
        columns["cash_fen"] = value["cash"]
        columns["account_balance_fen"] = account_fen
        columns["payouts_fen"] = value["payouts"]
        return Settlement(
            columns=columns,
            payers=forms.payers(value, elsewhere=fact.place is None),
            lines=self._line_rows(row),
            amounts={name: value[result] for name, result in forms.named},
            notices=_notices(forms.policy, value),
            relatives=share_rows(self.shares.get(row, ())),
        )

    def catalogue_digest(self, row: int) -> str:
        """Return the digest of the catalogue by which the lines of a claim were split."""
        fact = self.prepared.facts[row]
        assert fact is not None
        if fact.place is None:
            return self.batch.scopes[row].catalogue_digest[:DIGEST_CHARS]
        return self.catalogue_digests[fact.place.area.code]

    def _pots(self, row: int) -> Row:
        sums: list[int] = self.prepared.pots[row].tolist()
        national = len(codes.POT_NAMES)
        amounts: Row = {"total_fen": sum(sums)}
        amounts |= zip(POT_COLUMNS, sums[:national], strict=True)
        amounts["in_scope_fen"] = sums[_IN_SCOPE] + sum(sums[national:])
        return amounts

    def _line_rows(self, row: int) -> Sequence[Row]:
        first, last = np.searchsorted(self.batch.line_claim, [row, row + 1]).tolist()
        if first == last:
            return ()
        lines: Sequence[Row] = self.batch.rows[row]["lines"]  # type: ignore[assignment]
        stated = columns_of(lines)
        parts = self.prepared.parts[:, first:last].tolist()
        classes = self.prepared.item_class[first:last].tolist()
        fact = self.prepared.facts[row]
        assert fact is not None
        names = pot_names(fact.area)
        table: dict[str, object] = {
            "seq": None,
            "settlement": None,
            "line_id": stated["line_id"],
            "item_code": stated["item_code"],
            "item_class": [CLASS_CODES[item_class] for item_class in classes],
            "pot": [names[pot] for pot in self.prepared.pot[first:last].tolist()],
            "route": None,
            "amount_fen": stated["amount_fen"],
        }
        table |= zip(POT_COLUMNS, parts, strict=False)
        return ColumnRows(len(lines), squeezed(table))


@dataclass(frozen=True, slots=True)
class StageForms:
    """How the results of a policy's program become columns: (column, result) each."""

    policy: Policy
    amounts: tuple[tuple[str, str], ...]
    named: tuple[tuple[str, str], ...]
    stages: Mapping[str, object]
    of_stages: tuple[tuple[str, tuple[str, ...]], ...]
    care_fund_pay_types: list[str | None]

    def payers(self, value: Mapping[str, int], *, elsewhere: bool) -> Sequence[Row]:
        """Return what each stage paid, by the results of one claim.

        Args:
            value: The results.
            elsewhere: Whether another engine has the claim in its book too, as its place of care.
        """
        amounts: dict[str, object] = {
            column: [value.get(result, 0) for result in results]
            for column, results in self.of_stages
        }
        if elsewhere:
            amounts["care_fund_pay_type"] = self.care_fund_pay_types
        return ColumnRows(len(self.policy.all_stages), {**self.stages, **amounts})


def _forms(work: Work) -> StageForms:
    policy = work.policy.policy
    stages = policy.all_stages
    outputs = [name for name in work.results if name.startswith("stage:")]
    parts = [part for part in STAGE_AMOUNTS if part != "net"]
    of_stages = {
        f"{part}_fen": tuple(f"stage:{stage.name}.{part}" for stage in stages) for part in parts
    }
    of_stages["replaced_fen"] = tuple(f"replaced:{stage.name}" for stage in stages)
    return StageForms(
        policy=policy,
        amounts=(
            ("deductible_fen", "deductible"),
            *((f"{name}_fen", f"payer:{name}") for name in codes.PAYER_NAMES),
        ),
        named=tuple((name.removeprefix("stage:"), name) for name in outputs),
        stages={
            "seq": None,
            "settlement": None,
            "position": list(range(len(stages))),
            "stage": [stage.name for stage in stages],
            "payer": [stage.payer for stage in stages],
            "fund_pay_type": [_FUND_PAY_TYPE[stage.payer] for stage in stages],
            **dict.fromkeys(f"{part}_fen" for part in parts),
            "payee": [BILL if each.payee is None else str(each.payee) for each in stages],
            "replaced_fen": None,
            "debtor": [
                None if each.advance_for is None else str(each.advance_for) for each in stages
            ],
            "care_fund_pay_type": None,
        },
        of_stages=tuple(of_stages.items()),
        care_fund_pay_types=[
            codes.NON_LOCAL_PAY_TYPE if each.payee is None and each.payer in _FUND_NAMES else None
            for each in stages
        ],
    )


def _notices(policy: Policy, value: Mapping[str, int]) -> tuple[str, ...]:
    """Return a sentence for each amount that the policy cannot decide."""
    undecided = (
        f"{gap.amount} is {_gap_yuan(value, gap)} yuan, which policy {policy.name} "
        f"cannot decide: {gap.says}"
        for gap in policy.gaps
        if value[f"gap:{gap.amount}"]
    )
    unstated = (
        f"{name} is not stated, and policy {policy.name} pays by it; state it"
        for name in schema.CLAIM_AMOUNTS
        if value.get(f"gap:{name}")
    )
    return (*undecided, *unstated)


def _gap_yuan(value: Mapping[str, int], gap: Gap) -> str:
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
