"""The names that worked examples use, held against the policies they are of."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from medsettle.core import schema
from medsettle.core.columns import Kind
from medsettle.core.counters import BALANCES
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy.book import EXAMPLES_SUFFIX
from medsettle.policy.checker import same_name
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.model import Policy
from medsettle.policy.read_policy import amount_names
from medsettle.policy.vocabulary import nearest, quoted, suggestion

_DETAIL: Final = "detail:"
TOTALS: Final = tuple(
    column.name.removesuffix("_fen") for column in schema.SETTLEMENT if column.kind is Kind.FEN
)
"""Amounts that every settlement has, by the names that examples use."""


def expected_names(compiled: CompiledPolicy) -> tuple[str, ...]:
    """Return every amount that an example of a policy may expect."""
    details = (
        name.removeprefix(_DETAIL) for name in compiled.program.outputs if name.startswith(_DETAIL)
    )
    return (*TOTALS, *amount_names(compiled.policy, compiled.area.special_pots), *details)


def named_examples(file: Path, policies: Sequence[CompiledPolicy]) -> list[Example]:
    """Return the examples of a file.

    Raises:
        PolicyRejected: The file has faults, or names what the policies do not have.
        OSError: The file cannot be read.
    """
    examples, violations = read_examples(file)
    violations = violations or list(name_faults(examples, policies))
    if violations:
        raise PolicyRejected(violations)
    return examples


def examples_beside(policy: Policy) -> list[Example]:
    """Return the examples of a policy, which lie in the folder of its document.

    Raises:
        PolicyRejected: A file of examples in that folder has faults.
        OSError: A file cannot be read.
    """
    found: list[Example] = []
    violations: list[Violation] = []
    for file in sorted(Path(policy.file).parent.glob(f"*{EXAMPLES_SUFFIX}")):
        examples, faults = read_examples(file)
        found += [each for each in examples if each.policy == policy.name]
        violations += faults
    if violations:
        raise PolicyRejected(violations)
    return found


def name_faults(
    examples: Sequence[Example], policies: Iterable[CompiledPolicy]
) -> Iterator[Violation]:
    """Yield a violation for every policy, counter and amount that examples name and is none."""
    policies = list(policies)
    told: set[str] = set()
    for example in examples:
        own = next((each for each in policies if each.policy.name == example.policy), None)
        if own is not None:
            # Another policy of the area may decide some visits.
            near = [each for each in policies if each.area.code == own.area.code]
            yield from _faults(example, own, near)
        elif example.policy not in told:
            told.add(example.policy)
            hint = suggestion(example.policy, [each.policy.name for each in policies])
            yield example.place.violation(f"no policy is called {quoted(example.policy)}; {hint}")


def _faults(
    example: Example, own: CompiledPolicy, near: Sequence[CompiledPolicy]
) -> Iterator[Violation]:
    counters = [*own.policy.counters, *BALANCES]
    amounts = list(dict.fromkeys(name for each in near for name in expected_names(each)))
    for visit in example.visits:
        for name in visit.before:
            if same_name(name, counters) is None:
                yield visit.names["before", name].violation(
                    f"no counter is called {quoted(name)}; {suggestion(name, counters)}"
                )
        for name in visit.expect:
            if same_name(name, amounts) is None:
                hint = "name a payer, `cash`, or an amount of a stage, like "
                hint += f"{own.policy.stages[0].name}.own_share"
                if nearest(name, amounts) is not None:
                    hint = suggestion(name, amounts)
                yield visit.names["expect", name].violation(
                    f"no amount is called {quoted(name)}; {hint}"
                )
