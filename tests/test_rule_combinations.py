"""Combinations of rule shapes that are hard to get right together, and what holds them."""

from pathlib import Path

import generate_shapes
import pytest
from medsettle.policy.shapes import Combination, hard_combinations

# Combinations of which no examples hold all shapes yet.
_WITHOUT_EXAMPLE = ["7", "8", "9", "10", "11", "12"]

_EXAMPLES = {
    f"{example.policy} {example.name}": example
    for examples in generate_shapes.proofs(Path(__file__).parents[1]).values()
    for _, example in examples
}


@pytest.mark.parametrize("hard", hard_combinations(), ids=lambda hard: hard.number)
def test_a_hard_combination_has_its_examples(hard: Combination) -> None:
    """The examples of a combination are there and between them prove all of its shapes."""
    held = {shape for name in hard.examples for shape in _EXAMPLES[name].shapes}

    assert (hard.number in _WITHOUT_EXAMPLE) == (not hard.examples)
    assert not hard.examples or set(hard.shapes) <= held
