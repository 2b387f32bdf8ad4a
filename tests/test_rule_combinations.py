"""Combinations of rule shapes that are hard to get right together, and what holds them."""

from pathlib import Path

import generate_shapes
import pytest
from medsettle.policy.shapes import Combination, hard_combinations

_EXAMPLES = {
    f"{example.policy} {example.name}": example
    for examples in generate_shapes.proofs(Path(__file__).parents[1]).values()
    for _, example in examples
}


def test_there_are_twelve() -> None:
    """No combination of the survey is left out."""
    assert [str(number) for number in range(1, 13)] == [hard.number for hard in hard_combinations()]


@pytest.mark.parametrize("hard", hard_combinations(), ids=lambda hard: hard.number)
def test_a_hard_combination_is_held(hard: Combination) -> None:
    """It has examples, which are there, and between them they prove all of its shapes."""
    held = {shape for name in hard.examples for shape in _EXAMPLES[name].shapes}

    assert hard.examples
    assert set() == set(hard.shapes) - held


@pytest.mark.parametrize("hard", hard_combinations(), ids=lambda hard: hard.number)
def test_no_example_of_a_combination_stands_there_for_nothing(hard: Combination) -> None:
    """Every example that is listed proves some shape of its combination."""
    for name in hard.examples:
        assert set(hard.shapes) & set(_EXAMPLES[name].shapes), name
