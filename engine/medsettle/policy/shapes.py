"""The rule shapes found in the regulations of real regions, and what of the language says each.

Examples name the shapes they prove (`shapes:`), and `rules/README.md` lists all shapes with the
document and example of each; it is generated from these two.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from medsettle.policy import tree

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
    raw = files("medsettle.policy").joinpath("shapes.yaml").read_bytes()
    document, violations = tree.parse(raw, "shapes.yaml")
    assert not violations, violations
    found = []
    for entry in document:
        assert isinstance(entry.value, tree.Map)
        says, construct = entry.value.text("name"), entry.value.text("construct")
        assert says and construct, entry.key.value
        found.append(RuleShape(entry.key.value, says, construct))
    return tuple(found)


def shape_names() -> tuple[str, ...]:
    """Return the ids of all shapes."""
    return tuple(shape.name for shape in rule_shapes())
