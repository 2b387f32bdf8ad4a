"""The kernel beside the oracle: the same claims through both, and where they first part."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import PAYER_NAMES, POT_NAMES
from medsettle.core.counters import CounterKey
from medsettle.policy.book import compile_file, policy_files, read_area_folder
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.blocks import Column, run_blocks
from medsettle.settle.counter_keys import counter_keys
from medsettle.settle.scalar import scalar_function

from tests.reference import settle_reference
from tests.reference_facts import Facts, ReferenceResult

_RULES = Path(__file__).parents[2] / "rules"


def documents() -> list[Path]:
    """Return the path of every rule document."""
    areas = sorted(path.parent for path in _RULES.glob("*/area.yaml"))
    return [path for folder in areas for path in policy_files(folder)]


@cache
def compiled_document(path: Path) -> CompiledPolicy:
    """Return a rule document, checked and compiled."""
    area, faults = read_area_folder(path.parent)
    assert area is not None, faults
    compiled, faults = compile_file(path, area)
    assert compiled is not None, faults
    return compiled


def pots_of(compiled: CompiledPolicy) -> tuple[str, ...]:
    """Return the pots a bill of this policy's area may fall into."""
    return (*POT_NAMES, *compiled.area.special_pots)


def compared_outputs(compiled: CompiledPolicy) -> list[str]:
    """Return the outputs a settlement records: all but the details of single bands."""
    return [name for name in compiled.program.outputs if not name.startswith("detail:")]


def kernel_inputs(compiled: CompiledPolicy, claims: Sequence[Facts]) -> dict[str, Column]:
    """Return the input columns of the program for some claims."""
    days = np.array([facts.rule_date.toordinal() for facts in claims], dtype=np.int64)
    columns = {"epoch": compiled.epoch_of(days)}
    for name in compiled.program.inputs:
        kind, _, key = name.partition(":")
        if kind != "epoch":
            values = [_input(facts, kind, key) for facts in claims]
            columns[name] = np.array(values, dtype=np.int64)
    return columns


def counters_met(
    compiled: CompiledPolicy, claims: Sequence[Facts], persons: Sequence[str]
) -> list[dict[str, CounterKey]]:
    """Return the engine's own keys of the counters that some claims meet."""
    line = {"line_id": "1", "item_code": "A", "quantity_e4": 10_000, "unit_price_e6": 0}
    common = {
        "pooling_area": compiled.policy.pooling_area,
        "insurance_type": compiled.policy.insurance_type,
        "visit_type": "21",
        "person_type": "11",
        "institution_level": "01",
        "account_used": False,
    }
    rows = []
    for facts, person in zip(claims, persons, strict=True):
        day = facts.stated["service_date"]
        lines = [line | {"fee_date": day, "amount_fen": 0}]
        rows.append({**facts.stated, **common, "person": person, "lines": lines})
    batch = ClaimBatch.from_rows(rows)
    assert not batch.rejections, batch.rejections
    classes = {
        f"dimension:{name}": np.array([facts.classes[name] for facts in claims], dtype=np.int64)
        for name in (claims[0].classes if claims else ())
    }
    return list(counter_keys(compiled, batch, range(len(claims)), classes))


def _input(facts: Facts, kind: str, key: str) -> int:
    if kind == "total":
        return sum(facts.pots.values())
    if kind == "stated":
        return int(key in facts.claimed)
    if kind == "account_used":
        return int(facts.account_used)
    held = {"pot": facts.pots, "dimension": facts.classes, "counter": facts.counters}
    held |= {"quantity": facts.quantities, "claim": facts.claimed}
    return held[kind].get(key, 0)


def run_both(
    compiled: CompiledPolicy, claims: Sequence[Facts], outputs: Sequence[str]
) -> tuple[dict[str, Column], list[tuple[int, ...]]]:
    """Return what the blocks and what the scalar function make of some claims."""
    inputs = kernel_inputs(compiled, claims)
    blocks = run_blocks(compiled.program, inputs, outputs, len(claims))
    one = scalar_function(compiled.program, outputs)
    lists = {name: column.tolist() for name, column in inputs.items()}
    scalar = [
        one({name: column[row] for name, column in lists.items()}) for row in range(len(claims))
    ]
    return blocks, scalar


def expected_output(result: ReferenceResult, name: str) -> int:
    """Return what the oracle says to one output of the kernel; a gap is 1 where it is met."""
    kind, _, key = name.partition(":")
    stage, _, part = key.rpartition(".")
    said: dict[str, Callable[[], int]] = {
        "payer": lambda: result.payers.get(key, 0),
        "counter": lambda: result.counters[key],
        "gap": lambda: int(key in result.gaps),
        "replaced": lambda: result.replaced[key],
        "stage": lambda: result.stages[stage][part],
        "payouts": lambda: result.payouts,
        "cash": lambda: result.cash,
        "deductible": lambda: result.deductible,
    }
    return said[kind]()


def differences(compiled: CompiledPolicy, claims: Sequence[Facts]) -> Iterator[str]:
    """Yield a line for every claim whose outputs are not those of the oracle, with its facts."""
    outputs = compared_outputs(compiled)
    blocks, scalar = run_both(compiled, claims, outputs)
    for name in outputs:
        if name.startswith("gap:"):
            # A gap is met or not; how far below a fen it may lie is the kernel's own matter.
            blocks[name] = np.minimum(blocks[name], 1)
    rows = np.stack([blocks[name] for name in outputs], axis=1).tolist()
    gaps = [name.startswith("gap:") for name in outputs]
    for facts, block, one in zip(claims, rows, scalar, strict=True):
        result = settle_reference(compiled.policy, facts)
        expected = [expected_output(result, name) for name in outputs]
        single = [min(value, 1) if gap else value for value, gap in zip(one, gaps, strict=True)]
        if not expected == block == single:
            parted = [
                f"{name}: oracle {a}, blocks {b}, scalar {c}"
                for name, a, b, c in zip(outputs, expected, block, single, strict=True)
                if not a == b == c
            ]
            yield f"{compiled.policy.name}: {facts}: {'; '.join(parted)}"


def assert_equal(compiled: CompiledPolicy, claims: Sequence[Facts]) -> None:
    """Assert that kernel and oracle agree on every claim; the first one that parts is shown."""
    assert next(differences(compiled, claims), None) is None


def payers_of(outputs: Mapping[str, Column], names: Sequence[str] = PAYER_NAMES) -> Column:
    """Return the sum of some payers, all of them unless told."""
    return np.asarray(sum(outputs[f"payer:{name}"] for name in names), dtype=np.int64)
