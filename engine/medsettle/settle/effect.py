"""What a change of policy means to a person: the same first bill of a year under both.

Both compiled programs run on the same in-scope amounts, at the edges of both documents and beside
them, for every class that both know. That is a sample and no proof, and it is one first settlement:
what a year of claims costs is a replay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from medsettle import limits
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import Unit
from medsettle.settle.scalar import scalar_function

_YUAN = 100
# Amounts a bill may have besides the edges of the documents.
_SAMPLES = tuple(
    yuan * _YUAN for yuan in (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
)
CLASSES_MAX = 64
"""Combinations of classes that are compared; the first ones, in the order of the documents."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Cash of one in-scope amount before and after, in fen, for a combination of classes."""

    whom: str
    in_scope_fen: int
    before_fen: int
    after_fen: int


def effects(old: CompiledPolicy, new: CompiledPolicy) -> list[Effect]:
    """Return the cash of each sampled amount for each combination, where it differs."""
    amounts = _amounts(old, new)
    found = []
    for whom, first, second in islice(_combinations(old, new), CLASSES_MAX):
        before, after = _cash(old, new, first, amounts), _cash(new, new, second, amounts)
        found += [
            Effect(whom, amount, was, now)
            for amount, was, now in zip(amounts, before, after, strict=True)
            if was != now
        ]
    return found


def _amounts(old: CompiledPolicy, new: CompiledPolicy) -> list[int]:
    """Return amounts at which either document changes its mind, and a few others, rising."""
    edges = {*_SAMPLES}
    deductibles = {0}
    for compiled in (old, new):
        for table in compiled.policy.tables.values():
            for version in table.versions:
                edges |= {limit for limit in version.limits_fen if limit}
                if table.unit is Unit.AMOUNT:
                    deductibles |= {int(cell) for cell in version.cells}
    edges |= {edge + more for edge in edges for more in deductibles} | deductibles
    return sorted(edge for edge in edges if 0 < edge <= limits.CLAIM_TOTAL_FEN_MAX)


def _combinations(
    old: CompiledPolicy, new: CompiledPolicy
) -> Iterator[tuple[str, dict[str, int], dict[str, int]]]:
    """Yield each combination of classes that both know, with its numbers in either."""
    names = dict.fromkeys([*(d.name for d in new.dimensions), *(d.name for d in old.dimensions)])
    both = []
    for name in names:
        first, second = old.policy.dimensions.get(name), new.policy.dimensions.get(name)
        known = second or first
        assert known is not None
        both.append([word for word in known.values if first is None or word in first.values])
    for words in product(*both):
        chosen = dict(zip(names, words, strict=True))
        yield ", ".join(words), _numbers(old, chosen), _numbers(new, chosen)


def _numbers(compiled: CompiledPolicy, chosen: dict[str, str]) -> dict[str, int]:
    known = compiled.policy.dimensions
    return {
        f"dimension:{name}": known[name].values.index(word)
        for name, word in chosen.items()
        if name in known
    }


def _cash(
    compiled: CompiledPolicy, new: CompiledPolicy, numbers: dict[str, int], amounts: list[int]
) -> list[int]:
    """Return the cash of each amount, on the new one's first day or the old one's last epoch."""
    settle = scalar_function(compiled.program, ["cash"])
    day = new.policy.in_force_from.toordinal() - (compiled is not new)
    epoch = max(sum(start <= day for start in compiled.epochs) - 1, 0)
    nothing = dict.fromkeys(compiled.program.inputs, 0) | {"epoch": epoch} | numbers
    return [settle(nothing | {"total": fen, "pot:in_scope": fen})[0] for fen in amounts]
