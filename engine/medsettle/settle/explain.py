"""Say why: every amount of a settlement with its arithmetic and the clause behind it.

The recorded inputs run once more through the same program, with every detail as an output; the
amounts must equal the recorded ones, fen for fen, or this is a bug and says so. Sentences are made
from the traced numbers and the document (`medsettle.settle.telling`), never from a second
calculation.
"""

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from medsettle.core import codes
from medsettle.core.counters import MUTUAL_AID
from medsettle.core.settlement import Explanation, Sentence, Settlement
from medsettle.errors import InternalError, PolicyNotFound
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.remainder import cash_sentence
from medsettle.settle.scalar import ScalarFunction, scalar_function
from medsettle.settle.telling import BEFORE, Teller


@dataclass(slots=True)
class Tracers:
    """Holds the functions that trace policies: to make one takes longer than to explain by it."""

    _made: dict[int, tuple[CompiledPolicy, ScalarFunction]] = field(default_factory=dict)

    def traced(self, policy: CompiledPolicy, inputs: dict[str, int]) -> dict[str, int]:
        """Return every output of a policy's program for one claim, details of bands included."""
        program = policy.program
        if id(policy) not in self._made:
            # Holding the policy keeps its id from being another one's.
            made = scalar_function(program, list(program.outputs))
            self._made[id(policy)] = policy, made
        return dict(zip(program.outputs, self._made[id(policy)][1](inputs), strict=True))


_AGAIN = "settled again from the recorded inputs"
_TAKEN = "as the opposite of its original"


def explain(
    policy: CompiledPolicy,
    settlement: Settlement,
    inputs: dict[str, int],
    tracers: Tracers | None = None,
    *,
    alone: bool = False,
) -> Explanation:
    """Return the explanation of a recorded settlement.

    Args:
        policy: The revision that settled it.
        settlement: The settlement as recorded.
        inputs: The recorded inputs of the policy's program.
        tracers: Holds what was made for earlier explanations, if there are any.
        alone: Tells nothing of what stood there before this claim.

    Raises:
        InternalError: The recorded inputs give other amounts than the record.
    """
    trace = settled_again(policy, settlement, inputs, tracers)
    teller = Teller(policy, inputs, trace, alone=alone, relatives=settlement.relatives)
    sentences = [teller.payer(stage) for stage in policy.policy.stages]
    sentences.append(cash_sentence(policy, inputs, trace))
    sentences += [teller.payer(payout) for payout in policy.policy.payouts]
    # A preview has no id.
    explanation = Explanation(str(settlement.columns["settlement"] or ""), tuple(sentences))
    told = explanation.total_fen()
    if told != settlement.fen("total_fen"):
        raise InternalError(f"an explanation of {told} fen for {settlement.fen('total_fen')} fen")
    return explanation


def settled_again(
    policy: CompiledPolicy,
    settlement: Settlement,
    inputs: dict[str, int],
    tracers: Tracers | None = None,
) -> dict[str, int]:
    """Return every output of the program for the recorded inputs; the amounts are the recorded.

    Args:
        policy: The revision that settled it.
        settlement: The settlement as recorded.
        inputs: The recorded inputs of the policy's program.
        tracers: As for `explain`.

    Raises:
        InternalError: The recorded inputs give other amounts than the record.
    """
    _check_inputs(policy, inputs)
    trace = (tracers or Tracers()).traced(policy, inputs)
    _check_equal(_recorded(settlement), _settled_again(policy, inputs, trace), _AGAIN)
    return trace


def explain_by_revision(
    policy: CompiledPolicy,
    settlement: Settlement,
    inputs: dict[str, int],
    tracers: Tracers | None = None,
) -> Explanation:
    """Return the explanation by a later revision of the document, where that settles the same.

    A comment, a source or next year's version of a table makes a new revision that decides this
    settlement no differently; the first sentence says which revision speaks.

    Raises:
        PolicyNotFound: The loaded revision would settle this otherwise, or cannot settle it.
    """
    day = settlement.columns[policy.policy.rule_date]
    assert isinstance(day, date)
    epoch = int(policy.epoch_of(np.array([day.toordinal()]))[0])
    settled_by, loaded = settlement.columns["policy_digest"], policy.digest
    try:
        explanation = explain(policy, settlement, inputs | {"epoch": max(epoch, 0)}, tracers)
    except InternalError as error:
        raise PolicyNotFound(
            f"{settlement.columns['settlement']} was settled by revision {settled_by} of "
            f"{policy.policy.name}; loaded is {loaded}, which settles it otherwise. Load the "
            "rules of that time",
            policy=policy.policy.name,
            revision=str(settled_by),
        ) from error
    first, *others = explanation.sentences
    first = replace(
        first,
        text_en=f"Settled by revision {settled_by}, explained by revision {loaded}, which gives "
        f"the same amounts. {first.text_en}",
        text_zh=f"结算依据版本 {settled_by}，现以版本 {loaded} 说明，金额相同。{first.text_zh}",
    )
    return replace(explanation, sentences=(first, *others))


def explain_cancel(
    explanation: Explanation, original: Settlement, cancel: Settlement
) -> Explanation:
    """Return the explanation of a cancel: that of its original, every amount taken back.

    The sentences go on saying how the original came about; the first one says what this is.

    Args:
        explanation: The explanation of the original.
        original: The settlement that was taken back, as recorded.
        cancel: The negative settlement, as recorded.

    Raises:
        InternalError: The cancel records other amounts than those of its original.
    """
    taken = {name: -fen for name, fen in _recorded(original).items()}
    _check_equal(_recorded(cancel), taken, _TAKEN)
    first, *others = (_taken_back(sentence) for sentence in explanation.sentences)
    name = explanation.settlement
    first = replace(
        first,
        text_en=f"This takes back {name}, which was settled as follows; every amount counts the "
        f"other way. {first.text_en}",
        text_zh=f"此为撤销 {name}，金额全部冲回，原结算如下。{first.text_zh}",
    )
    return Explanation(str(cancel.columns["settlement"]), (first, *others))


def _taken_back(sentence: Sentence) -> Sentence:
    """Return a sentence with negative amounts; what stood there before is no part of any sum."""
    steps = tuple(
        step
        if step.amount_fen is None or step.label in BEFORE
        else replace(step, amount_fen=-step.amount_fen)
        for step in sentence.steps
    )
    return replace(sentence, amount_fen=-sentence.amount_fen, steps=steps)


def traced(policy: CompiledPolicy, inputs: dict[str, int]) -> dict[str, int]:
    """Return every output of a policy's program for one claim, the details of bands included."""
    return Tracers().traced(policy, inputs)


def _check_inputs(policy: CompiledPolicy, inputs: dict[str, int]) -> None:
    """Check that the recorded inputs are those of the program, each within its proved bounds."""
    for name, register in policy.program.inputs.items():
        value = inputs.get(name)
        if value is None or not register.low <= value <= register.high:
            raise InternalError(f"recorded input {name} is {value}, which no claim can have")


def _recorded(settlement: Settlement) -> dict[str, int]:
    """Return every amount of a record that the program decides, by its place in the record."""
    columns = ("total", *codes.POT_NAMES, "deductible", *codes.PAYER_NAMES, "cash", "payouts")
    found = {name: settlement.fen(f"{name}_fen") for name in columns}
    found |= {f"amounts.{name}": fen for name, fen in settlement.amounts.items()}
    for row in settlement.payers:
        found[f"payers.{row['stage']}"] = int(str(row["paid_fen"]))
        found[f"replaced.{row['stage']}"] = int(str(row["replaced_fen"]))
        if row["payer"] == MUTUAL_AID:
            of_stage = [each for each in settlement.relatives if each["stage"] == row["stage"]]
            taken = sum(int(str(each["paid_fen"])) for each in of_stage)
            found[f"relatives.{row['stage']}"] = taken
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
    found |= {"cash": trace["cash"], "payouts": trace["payouts"]}
    for name, amount in trace.items():
        if name.startswith("stage:"):
            found[f"amounts.{name.removeprefix('stage:')}"] = amount
    for stage in policy.policy.all_stages:
        found[f"payers.{stage.name}"] = trace[f"stage:{stage.name}.paid"]
        found[f"replaced.{stage.name}"] = trace.get(f"replaced:{stage.name}", 0)
    for name in policy.aid_stages:
        found[f"relatives.{name}"] = trace[f"stage:{name}.paid"]
    return found | {f"lines.{pot}": fen for pot, fen in pots.items()}


def _check_equal(recorded: dict[str, int], expected: dict[str, int], how: str) -> None:
    for name in dict.fromkeys([*recorded, *expected]):
        if recorded.get(name) != expected.get(name):
            raise InternalError(
                f"{name} is recorded as {recorded.get(name)} fen; {how} it is {expected.get(name)}"
            )
