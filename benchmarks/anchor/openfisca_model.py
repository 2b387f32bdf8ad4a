"""The anchor policy on OpenFisca-core or PolicyEngine-core: integer fen, a dense table of our own.

Written in floating yuan, as their documentation teaches, the same model is not exact: floats have
24 bits there. Both keep integers in 32, so products are widened by hand.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

try:
    from openfisca_core.entities import build_entity
    from openfisca_core.parameters import ParameterNode
    from openfisca_core.periods import MONTH
    from openfisca_core.simulation_builder import SimulationBuilder
    from openfisca_core.taxbenefitsystems import TaxBenefitSystem
    from openfisca_core.variables import Variable
except ModuleNotFoundError:
    # Its fork has the same parts under other names; see `policyengine_worker`.
    from policyengine_core.entities import build_entity
    from policyengine_core.parameters import ParameterNode
    from policyengine_core.periods import MONTH
    from policyengine_core.simulations import SimulationBuilder
    from policyengine_core.taxbenefitsystems import TaxBenefitSystem
    from policyengine_core.variables import Variable

from benchmarks.anchor import policy
from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.policy import Claim, Shares

_PERIOD: Final = "2024-05"
_IN_FORCE: Final = "2024-01-01"

_CLAIM: Final = build_entity(key="claim", plural="claims", label="One settlement", is_person=True)
_BATCH: Final = build_entity(
    key="batch",
    plural="batches",
    label="A batch of settlements",
    roles=[{"key": "member", "plural": "members", "label": "A settlement of the batch"}],
)

_DEDUCTIBLE: Final = np.array(policy.DEDUCTIBLE_FEN, np.int64)
_RATE: Final = np.array(policy.RATE, np.int64).transpose(2, 0, 1).copy()
_PARAMETERS: Final = {
    "pooled_cap_fen": policy.POOLED_CAP_FEN,
    "large_amount_cap_fen": policy.LARGE_AMOUNT_CAP_FEN,
    "large_amount_rate": policy.LARGE_AMOUNT_RATE,
}


def _wide(column: Any) -> FenArray:
    return np.asarray(column, np.int64)


def _at_rate(amount: FenArray, rate: FenArray | int) -> FenArray:
    return (amount * rate + policy.RATE_ONE // 2) // policy.RATE_ONE


def _in_scope(claim: Any, period: Any) -> Any:
    outside = claim("own_expense_fen", period) + claim("over_limit_fen", period)
    return np.maximum(claim("total_fen", period) - outside - claim("pre_self_pay_fen", period), 0)


def _deductible(claim: Any, period: Any) -> Any:
    amount = _DEDUCTIBLE[claim("level", period), claim("later_admission", period)]
    return np.minimum(claim("in_scope_fen", period), amount)


def _uncapped(claim: Any, period: Any) -> FenArray:
    base = _wide(claim("in_scope_fen", period) - claim("deductible_fen", period))
    level, retired = claim("level", period), claim("retired", period)
    paid = np.zeros_like(base)
    for band, floor in enumerate(policy.BAND_FLOOR_FEN):
        part = np.maximum(np.minimum(base, policy.BAND_CEILING_FEN[band]) - floor, 0)
        paid += _at_rate(part, _RATE[band][level, retired])
    return paid


def _pooled_fund(claim: Any, period: Any, parameters: Any) -> Any:
    room = np.maximum(parameters(period).pooled_cap_fen - claim("pooled_used_fen", period), 0)
    return np.minimum(claim("uncapped_fen", period), room)


def _large_amount(claim: Any, period: Any, parameters: Any) -> Any:
    rule = parameters(period)
    excess = _wide(claim("uncapped_fen", period) - claim("pooled_fund_fen", period))
    room = np.maximum(rule.large_amount_cap_fen - claim("large_amount_used_fen", period), 0)
    return np.minimum(_at_rate(excess, rule.large_amount_rate), room)


def _left(claim: Any, period: Any) -> Any:
    paid = claim("pooled_fund_fen", period) + claim("large_amount_fen", period)
    return claim("total_fen", period) - paid


def _account(claim: Any, period: Any) -> Any:
    return np.minimum(claim("account_balance_fen", period), _left(claim, period))


def _cash(claim: Any, period: Any) -> Any:
    return _left(claim, period) - claim("account_fen", period)


_FORMULAS: Final = {
    "in_scope_fen": _in_scope,
    "deductible_fen": _deductible,
    "uncapped_fen": _uncapped,
    "pooled_fund_fen": _pooled_fund,
    "large_amount_fen": _large_amount,
    "account_fen": _account,
    "cash_fen": _cash,
}


def _variable(name: str) -> type:
    """Return the class OpenFisca wants for a variable: an input, or one with a formula."""
    facts = {"value_type": int, "entity": _CLAIM, "definition_period": MONTH, "label": name}
    formula = _FORMULAS.get(name)
    return type(name, (Variable,), facts if formula is None else {**facts, "formula": formula})


def _system() -> Any:
    system = TaxBenefitSystem([_CLAIM, _BATCH])
    for name in (*Claim._fields, *_FORMULAS):
        system.add_variable(_variable(name))
    values = {name: {"values": {_IN_FORCE: fen}} for name, fen in _PARAMETERS.items()}
    system.parameters = ParameterNode("", data=values)
    return system


_SYSTEM: Final = _system()


def prepare(columns: Columns) -> dict[str, NDArray[np.int32]]:
    """Return the columns as 32-bit integers, which is how OpenFisca keeps them anyway."""
    return {name: column.astype(np.int32) for name, column in columns.items()}


def run(columns: dict[str, NDArray[np.int32]]) -> list[Any]:
    """Return the shares of one simulation, a column each."""
    count = len(columns["total_fen"])
    simulation = SimulationBuilder().build_default_simulation(_SYSTEM, count)
    for name, column in columns.items():
        simulation.set_input(name, _PERIOD, column)
    return [simulation.calculate(name, _PERIOD) for name in Shares._fields]


def columns_of(shares: list[Any]) -> Columns:
    """Return the shares as int64 columns."""
    return dict(zip(Shares._fields, map(_wide, shares), strict=True))
