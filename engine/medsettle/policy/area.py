"""A pooling area: its hospital levels, catalogue, special pots and shared dimensions."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from medsettle.core.code_words import INSURANCE_TYPE_WORDS
from medsettle.errors import Violation
from medsettle.policy import area_keys, keys
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.keys import FORMAT, PRICE_LEVELS, UNLISTED
from medsettle.policy.line_terms import LineTerms, read_line_terms
from medsettle.policy.model import Dimension, Source
from medsettle.policy.read_facts import read_dimensions, read_sources
from medsettle.policy.tree import Map, Place, Sequence, Text, Value
from medsettle.policy.vocabulary import quoted, suggestion

__all__ = ["PRICE_LEVELS", "UNLISTED", "Area", "read_area"]


@dataclass(frozen=True, slots=True)
class Area:
    """What the documents of one pooling area share.

    `price_levels[i]` are the institution level codes whose ceiling prices stand in column i of the
    catalogue; `special_pots` are the pots its catalogue may name besides the national four.
    `pre_self_pay_as` maps an insurance type without ratios of its own to the one whose it uses.
    `lines` says how its catalogue splits lines. `places` says where some of its keys stand, for
    faults found between documents.
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
    lines: LineTerms
    places: dict[str, Place] = field(default_factory=dict, compare=False)


def read_area(
    document: Map, folder: Path, violations: list[Violation]
) -> tuple[Area | None, list[Violation]]:
    """Return the area of an `area.yaml`, or None with every violation found."""
    check = Checker(violations)
    parts = check.record(document, area_keys.AREA)
    if not parts:
        return None, check.violations
    check.one_of(parts.get("format"), [FORMAT])
    check.text(parts.get("note"))
    unlisted = check.one_of(parts.get("unlisted_items"), UNLISTED)
    pots = _special_pots(check, parts.get("special_pots"))
    dimensions = read_dimensions(check, parts.get("dimensions"), {}, {})
    area = Area(
        code=_code(check, parts.get("area"), folder),
        name=check.text(parts.get("name")),
        price_levels=_price_levels(check, parts.get("institution_levels")),
        catalogue=folder / _catalogue(check, parts.get("catalogue")),
        special_pots=pots,
        unlisted_items=unlisted or UNLISTED[0],
        pre_self_pay_as=_pre_self_pay_as(check, parts.get("pre_self_pay_as")),
        dimensions=dimensions,
        sources=read_sources(check, parts.get("sources")),
        lines=read_line_terms(check, parts, pots, dimensions),
        places={name: value.place for name, value in parts.items()},
    )
    found = sorted(check.violations, key=lambda violation: (violation.line, violation.column))
    return (None if found else area), found


def _code(check: Checker, value: Value | None, folder: Path) -> str:
    code = check.text(value)
    if value is not None and code and re.fullmatch(keys.AREA_PATTERN, code) is None:
        check.refuse(value.place, f"{quoted(code)} is no area; write its six digits")
    elif value is not None and code and code != folder.name:
        check.refuse(
            value.place, f"area {code} lies in the folder {quoted(folder.name)}; rename one"
        )
    return code


def _catalogue(check: Checker, value: Value | None) -> str:
    name = check.text(value)
    if value is not None and re.search(r"[/\\]|^\.", name):
        check.refuse(
            value.place, f"{quoted(name)} is a path; put the catalogue beside this file and name it"
        )
        return ""
    return name


def _price_levels(check: Checker, value: Value | None) -> tuple[tuple[str, ...], ...]:
    """Return the institution level codes of each hospital level; each code has one level."""
    levels: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    for word, place, codes in check.entries(value, "hospital levels"):
        name = same_name(word, PRICE_LEVELS)
        if name is None:
            hint = suggestion(word, PRICE_LEVELS)
            check.refuse(place, f"no hospital level is called {quoted(word)}; {hint}")
            continue
        levels[name] = check.texts(codes, "institution level codes")
        for code in levels[name]:
            if code in owner:
                both = f"{owner[code]} and {name}"
                check.refuse(place, f"code {code} belongs to both {both}; keep it in one")
            owner[code] = name
    if isinstance(value, Map):
        for name in PRICE_LEVELS:
            if name not in levels:
                check.refuse_missing(value.place, name, "its institution level codes")
    return tuple(levels.get(name, ()) for name in PRICE_LEVELS)


def _special_pots(check: Checker, value: Value | None) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not value.items:
        return ()
    pots = check.texts(value, "special pots")
    for item in check.items(value, "special pots"):
        if isinstance(item, Text):
            name = item.value.strip()
            check.check_name(name, item.place)
            if (other := same_name(name, keys.RESERVED_NAMES)) is not None:
                check.refuse(
                    item.place, f"{quoted(other)} is an amount of every bill; rename the pot"
                )
    return pots


def _pre_self_pay_as(check: Checker, value: Value | None) -> dict[str, str]:
    found = {}
    for word, place, same in check.entries(value, "insurance types"):
        own = check.code(Text(place, word), "insurance type", INSURANCE_TYPE_WORDS)
        other = check.code(same, "insurance type", INSURANCE_TYPE_WORDS)
        if own is not None and other is not None:
            found[own] = other
    return found
