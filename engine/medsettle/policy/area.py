"""A pooling area: its hospital levels, catalogue, special pots and shared dimensions."""

from dataclasses import dataclass
from pathlib import Path

from medsettle.errors import Violation
from medsettle.policy.checker import Checker
from medsettle.policy.model import Dimension, Source
from medsettle.policy.read_tables import read_dimensions, read_sources
from medsettle.policy.tree import Map

PRICE_LEVELS = ("level_1", "level_2", "level_3")
"""The hospital levels that catalogues state ceiling prices for."""

UNLISTED = ("refuse", "own_expense")
"""What to do with an item the catalogue does not hold."""


@dataclass(frozen=True, slots=True)
class Area:
    """What the documents of one pooling area share.

    `price_levels[i]` are the institution level codes whose ceiling prices stand in column i of the
    catalogue; `special_pots` are the pots its catalogue may name besides the national four.
    `pre_self_pay_as` maps an insurance type without ratios of its own to the one whose it uses.
    """

    code: str
    name: str
    price_levels: tuple[tuple[str, ...], ...]
    catalogue: Path
    special_pots: tuple[str, ...]
    unlisted_items: str
    pre_self_pay_as: dict[str, str]
    dimensions: dict[str, Dimension]
    sources: dict[str, Source]


def read_area(
    document: Map, folder: Path, violations: list[Violation]
) -> tuple[Area | None, list[Violation]]:
    """Return the area of an `area.yaml`, or None with every violation found."""
    check = Checker(violations)
    required = {"format", "area", "name", "institution_levels", "catalogue", "unlisted_items"}
    parts = check.fields(
        document, required | {"sources"}, {"special_pots", "dimensions", "pre_self_pay_as", "note"}
    )
    if not parts:
        return None, check.violations
    check.known(parts.get("format"), ["1"], "format")
    levels = {
        name: check.texts(codes, "institution level codes")
        for name, _, codes in check.entries(parts.get("institution_levels"), "hospital levels")
    }
    if set(levels) != set(PRICE_LEVELS) and "institution_levels" in parts:
        check.refuse(
            parts["institution_levels"].place,
            f"expected the hospital levels {', '.join(PRICE_LEVELS)}, found {', '.join(levels)}",
        )
    sources = read_sources(check, parts.get("sources"))
    area = Area(
        code=check.text(parts.get("area")),
        name=check.text(parts.get("name")),
        price_levels=tuple(levels.get(name, ()) for name in PRICE_LEVELS),
        catalogue=folder / check.text(parts.get("catalogue")),
        special_pots=check.texts(parts.get("special_pots"), "pots"),
        unlisted_items=check.known(parts.get("unlisted_items"), UNLISTED, "choice") or UNLISTED[0],
        pre_self_pay_as={
            name: check.text(same)
            for name, _, same in check.entries(parts.get("pre_self_pay_as"), "insurance types")
        },
        dimensions=read_dimensions(check, parts.get("dimensions"), {}),
        sources=sources,
    )
    if area.code != folder.name and "area" in parts:
        check.refuse(
            parts["area"].place,
            f"area {area.code!r} lies in the folder {folder.name!r}; rename one",
        )
    return (None if check.violations else area), check.violations
