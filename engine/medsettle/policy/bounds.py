"""How large the amounts of a policy could grow, against what the kernel can hold.

Each amount is bounded by what the bill can be (`AMOUNT_FEN_MAX`) and by what it is made of. A base
that names an amount and its parts counts fen twice, the next stage can count those twice again,
and after a few stages the sum no longer fits. Real documents stay far below the bound; the check
is what keeps the proofs of `medsettle.policy.program` out of an officer's sight.
"""

from medsettle import limits
from medsettle.core.codes import POT_NAMES
from medsettle.core.money import yuan_from_fen
from medsettle.policy.area import Area
from medsettle.policy.checker import Checker
from medsettle.policy.keys import TOTAL_NAMES
from medsettle.policy.model import Policy, Stage, Table

# Rounding up adds at most one fen in each band.
_ROUNDED = limits.BANDS_PER_STAGE_MAX


def refuse_too_large(check: Checker, policy: Policy, area: Area) -> None:
    """Refuse every stage whose base could pass `BASE_FEN_MAX`."""
    most = limits.AMOUNT_FEN_MAX
    largest = dict.fromkeys((*TOTAL_NAMES, *POT_NAMES, *area.special_pots), most)
    largest["in_scope_total"] = most * (1 + len(area.special_pots))
    for stage in policy.stages:
        base = sum(largest[name] for name in stage.base.plus)
        taken = sum(largest[name] for name in stage.base.minus)
        shares = _shares(policy, stage, base)
        if max(base, taken, shares) > limits.BASE_FEN_MAX:
            allowed = yuan_from_fen(limits.BASE_FEN_MAX)
            check.refuse(
                stage.place,
                f"counting what earlier stages left, stage {stage.name} could look at "
                f"more than {allowed}元; name each amount once",
            )
            return
        largest |= {f"{stage.name}.{part}": base for part in ("base", "kept_back")}
        largest |= {f"{stage.name}.{part}": base for part in ("deductible", "net")}
        largest[f"{stage.name}.own_share"] = shares + _ROUNDED
        largest[f"{stage.name}.over_cap"] = shares + base + _ROUNDED
        largest[f"{stage.name}.paid"] = most


def _shares(policy: Policy, stage: Stage, base: int) -> int:
    """Return the most fen that the bands of a stage could share out."""
    if stage.rate is None or not policy.tables[stage.rate.table].banded:
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
