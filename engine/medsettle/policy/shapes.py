"""The rule shapes found in the regulations of real regions, and what of the language says each.

Examples name the shapes they prove (`shapes:`), and `rules/README.md` lists all shapes with the
document and example of each; it is generated from these two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from medsettle.policy import tree
from medsettle.policy.checker import Checker
from medsettle.policy.keys import CLASS_PATTERN
from medsettle.policy.tree import Value

UNSAID = "none"
"""The construct of a shape that the language does not say yet."""


@dataclass(frozen=True, slots=True)
class RuleShape:
    """One shape: its id, what it is, and the construct that says it (`UNSAID` for none)."""

    name: str
    says: str
    construct: str


@cache
def rule_shapes() -> tuple[RuleShape, ...]:
    """Return all shapes in the order of `shapes.yaml`, the only place where they are listed."""
    check, found = Checker(), []
    for name, body in _entries(check, "shapes.yaml"):
        parts = check.fields(body, {"name", "construct"}, ())
        says, construct = check.text(parts["name"]), check.text(parts["construct"])
        found.append(RuleShape(name, says, construct))
    assert not check.violations, check.violations
    return tuple(found)


def shape_names() -> tuple[str, ...]:
    """Return the ids of all shapes."""
    return tuple(shape.name for shape in rule_shapes())


@dataclass(frozen=True, slots=True)
class Combination:
    """Shapes that are hard to get right together; examples are written `policy example`."""

    number: str
    says: str
    shapes: tuple[str, ...]
    examples: tuple[str, ...]


@cache
def hard_combinations() -> tuple[Combination, ...]:
    """Return the combinations in the order of `combinations.yaml`; each has examples."""
    check, found = Checker(), []
    for number, body in _entries(check, "combinations.yaml"):
        parts = check.fields(body, {"name", "shapes", "examples"}, ())
        shapes = check.known_all(parts["shapes"], shape_names(), "rule shape")
        examples = check.texts(parts["examples"], "examples")
        found.append(Combination(number, check.text(parts["name"]), shapes, examples))
    assert not check.violations, check.violations
    return tuple(found)


def _entries(check: Checker, name: str) -> Iterator[tuple[str, Value]]:
    raw = files("medsettle.policy").joinpath(name).read_bytes()
    document, violations = tree.parse(raw, name)
    assert not violations, violations
    for entry in document:
        check.check_name(entry.key.value, entry.key.place, CLASS_PATTERN)
        yield entry.key.value, entry.value
