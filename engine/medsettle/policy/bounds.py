"""How large the amounts of a policy could grow, against what the kernel can hold.

Each amount is bounded by what the bill can be (`AMOUNT_FEN_MAX`) and by what it is made of. A base
that names an amount and its parts counts fen twice, the next stage can count those twice again,
and after a few stages the sum no longer fits. Real documents stay far below the bound; the check
is what keeps the proofs of `medsettle.policy.program` out of an officer's sight.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from medsettle import limits
from medsettle.core.codes import POT_NAMES
from medsettle.core.money import yuan_from_fen
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.amount_of import Base
from medsettle.policy.area import Area
from medsettle.policy.checker import Checker
from medsettle.policy.keys import TOTAL_NAMES
from medsettle.policy.model import ACCOUNT_COUNTER, BEFORE, BandsApply, Policy, Stage, Table

# What a stage leaves apart from one another: no part of its base is in two of them.
_APART = {"kept_back", "deductible", "own_share", "over_cap", "paid"}
# Rounding up adds less than a fen for each side of each band, and one where a base ends inside one.
_ROUNDED = 2 * limits.BANDS_PER_STAGE_MAX + 1


@dataclass
class _Largest:
    """The most fen each named amount could be, and the base of each stage."""

    amounts: dict[str, int]
    bases: dict[str, int]

    def sum(self, names: Iterable[str]) -> tuple[int, int]:
        """Return the most a sum of amounts can be, and the most it passes while it is added up."""
        total, passed = 0, 0
        by_stage: dict[str, list[str]] = {}
        for name in names:
            by_stage.setdefault(name.rpartition(".")[0], []).append(name)
        for stage, own in by_stage.items():
            plain = sum(self.amounts[name] for name in own)
            passed = max(passed, total + plain)
            apart = stage in self.bases and {name.rpartition(".")[2] for name in own} <= _APART
            total += min(plain, self.bases[stage]) if apart else plain
        return total, max(total, passed)


def refuse_too_large(check: Checker, policy: Policy, area: Area) -> None:
    """Refuse the first stage that could look at more than `BASE_FEN_MAX`."""
    most = limits.AMOUNT_FEN_MAX
    amounts = dict.fromkeys((*TOTAL_NAMES, *POT_NAMES, *area.special_pots), most)
    amounts["in_scope_total"] = most * (1 + len(area.special_pots))
    amounts |= dict.fromkeys(CLAIM_AMOUNTS, most)
    counters = (*policy.counters, ACCOUNT_COUNTER)
    amounts |= {f"{name}.{BEFORE}": most for name in counters}
    largest = _Largest(amounts, {})
    for stage in policy.all_stages:
        # Every amount is cut off at the largest there is, whatever it is made of.
        base, passed = largest.sum(stage.base.plus) if stage.amount is None else (most, most)
        shares = _shares(policy, stage, base)
        largest.bases[stage.name] = base + _ROUNDED
        for part in ("base", "kept_back", "deductible", "net"):
            amounts[f"{stage.name}.{part}"] = base
        others = [(*stage.base.minus,)]
        if stage.deductible is not None and stage.deductible.share_of is not None:
            others += [stage.deductible.share_of.base.plus, stage.deductible.share_of.base.minus]
        for stated in stage.amounts():
            others += [stated.of.plus, stated.of.minus] if stated.of else []
        floor = stage.rate.floor.of if stage.rate and stage.rate.floor else Base((), ())
        others += [floor.plus, floor.minus]
        if max(passed, shares, *(largest.sum(names)[1] for names in others)) > limits.BASE_FEN_MAX:
            allowed = yuan_from_fen(limits.BASE_FEN_MAX)
            check.refuse(
                stage.place,
                f"counting what earlier stages left, stage {stage.name} could look at "
                f"more than {allowed}元; name each amount once",
            )
            return
        # A guaranteed payment may be more than the stage looks at.
        guaranteed = largest.sum(floor.plus)[0] + _ROUNDED if floor.plus else 0
        largest.bases[stage.name] += guaranteed
        amounts[f"{stage.name}.own_share"] = shares + _ROUNDED
        amounts[f"{stage.name}.over_cap"] = max(shares, guaranteed) + base + _ROUNDED
        amounts[f"{stage.name}.paid"] = most


def _shares(policy: Policy, stage: Stage, base: int) -> int:
    """Return the most fen that the bands of a stage could share out."""
    if stage.rate is None or not policy.tables[stage.rate.table].banded:
        return base
    if stage.bands is not None and stage.bands.apply is BandsApply.WHOLE:
        return base
    table = policy.tables[stage.rate.table]
    shares, floor = 0, 0
    for column in range(max(len(version.limits_fen) for version in table.versions)):
        ceilings = [_ceiling(table, number, column) for number in range(len(table.versions))]
        shares += min(base, max(max(ceilings) - floor, 0))
        floor = min(ceilings)
    return shares


def _ceiling(table: Table, version: int, column: int) -> int:
    bounds = table.versions[version].limits_fen
    bound = bounds[min(column, len(bounds) - 1)]
    return limits.BASE_FEN_MAX if bound is None else bound
