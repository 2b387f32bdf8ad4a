"""Say why: every amount of a settlement with its arithmetic and the clause behind it.

The recorded inputs run once more through the same program, with every detail as an output; the
amounts must equal the recorded ones, fen for fen, or this is a bug and says so. Sentences are made
from the traced numbers and the document (`medsettle.settle.telling`), never from a second
calculation.
"""

from medsettle.core import codes
from medsettle.core.settlement import Explanation, Settlement
from medsettle.errors import InternalError
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.scalar import scalar_function
from medsettle.settle.telling import Teller


def explain(policy: CompiledPolicy, settlement: Settlement, inputs: dict[str, int]) -> Explanation:
    """Return the explanation of a recorded settlement.

    Args:
        policy: The revision that settled it.
        settlement: The settlement as recorded.
        inputs: The recorded inputs of the policy's program.

    Raises:
        InternalError: The recorded inputs give other amounts than the record.
    """
    _check_inputs(policy, inputs)
    trace = traced(policy, inputs)
    _check_equal(_recorded(settlement), _settled_again(policy, inputs, trace))
    teller = Teller(policy, inputs, trace)
    sentences = [teller.payer(stage) for stage in policy.policy.stages]
    sentences.append(teller.cash(settlement))
    told = sum(sentence.amount_fen for sentence in sentences)
    if told != settlement.fen("total_fen"):
        raise InternalError(f"an explanation of {told} fen for {settlement.fen('total_fen')} fen")
    return Explanation(str(settlement.columns["settlement"]), tuple(sentences))


def traced(policy: CompiledPolicy, inputs: dict[str, int]) -> dict[str, int]:
    """Return every output of a policy's program for one claim, the details of bands included."""
    names = list(policy.program.outputs)
    values = scalar_function(policy.program, names)(inputs)
    return dict(zip(names, values, strict=True))


def _check_inputs(policy: CompiledPolicy, inputs: dict[str, int]) -> None:
    """Check that the recorded inputs are those of the program, each within its proved bounds."""
    for name, register in policy.program.inputs.items():
        value = inputs.get(name)
        if value is None or not register.low <= value <= register.high:
            raise InternalError(f"recorded input {name} is {value}, which no claim can have")


def _recorded(settlement: Settlement) -> dict[str, int]:
    """Return every amount of a record that the program decides, by its place in the record."""
    columns = ("total", *codes.POT_NAMES, "deductible", *codes.PAYER_NAMES, "cash")
    found = {name: settlement.fen(f"{name}_fen") for name in columns}
    found |= {f"amounts.{name}": fen for name, fen in settlement.amounts.items()}
    for row in settlement.payers:
        found[f"payers.{row['stage']}"] = int(str(row["paid_fen"]))
    for pot in codes.POT_NAMES:
        found[f"lines.{pot}"] = sum(int(str(row[f"{pot}_fen"])) for row in settlement.lines)
    return found


def _settled_again(
    policy: CompiledPolicy, inputs: dict[str, int], trace: dict[str, int]
) -> dict[str, int]:
    """Return the same amounts as `_recorded`, from the inputs and what the program makes of them.

    What fell into special pots is in scope for the record.
    """
    pots = {pot: inputs.get(f"pot:{pot}", 0) for pot in codes.POT_NAMES}
    pots["in_scope"] += sum(inputs.get(f"pot:{pot}", 0) for pot in policy.area.special_pots)
    found = {"total": inputs["total"], **pots, "deductible": trace["deductible"]}
    found |= {payer: trace[f"payer:{payer}"] for payer in codes.PAYER_NAMES}
    found["cash"] = trace["cash"]
    for name, amount in trace.items():
        if name.startswith("stage:"):
            found[f"amounts.{name.removeprefix('stage:')}"] = amount
    for stage in policy.policy.stages:
        found[f"payers.{stage.name}"] = trace[f"stage:{stage.name}.paid"]
    return found | {f"lines.{pot}": fen for pot, fen in pots.items()}


def _check_equal(recorded: dict[str, int], again: dict[str, int]) -> None:
    for name in dict.fromkeys([*recorded, *again]):
        if recorded.get(name) != again.get(name):
            raise InternalError(
                f"{name} is recorded as {recorded.get(name)} fen; settled again from the recorded "
                f"inputs it is {again.get(name)}"
            )
