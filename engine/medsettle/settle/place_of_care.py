"""The place of care (就医地), by whose catalogue the lines of a claim are split."""

from dataclasses import dataclass
from typing import Final

from medsettle.core.outcome import Outcome, Rejection
from medsettle.policy.area import Area
from medsettle.policy.keys import NONE
from medsettle.policy.rule_book import RuleBook


@dataclass(frozen=True, slots=True)
class Place:
    """An area whose catalogue splits the lines of a claim, and what the claim is in it.

    `price_level` is the hospital level from 1, `scheme` the ratio column of the insurance type.
    """

    area: Area
    price_level: int
    scheme: int


@dataclass(frozen=True, slots=True)
class Decider:
    """By whose document a code has no class: the policy that pays, or the area that only splits."""

    kind: str
    name: str


def of_policy(name: str) -> Decider:
    """Return the decider of a claim whose policy is known."""
    return Decider(_POLICY, name)


def of_area(code: str) -> Decider:
    """Return the decider of a claim whose benefits are decided elsewhere."""
    return Decider("area", code)


_POLICY: Final = "policy"


def place_of_care(
    book: RuleBook, code: str, level: str, insurance_type: str, decider: Decider
) -> Place | Rejection:
    """Return the place of care of a claim, or why its lines cannot be split there.

    Args:
        book: The rule book.
        code: The area.
        level: The institution level of the claim.
        insurance_type: Whose first-self-pay ratios count.
        decider: Whose document is named where a code belongs to no class.
    """
    area = book.areas.get(code)
    if area is None:
        return _no_catalogue(code)
    levels = enumerate(area.price_levels, 1)
    price_level = next((number for number, known in levels if level in known), 0)
    if not price_level:
        return not_covered(decider, "institution_level", level, "institution_levels")
    column = area.pre_self_pay_as.get(insurance_type, insurance_type)
    schemes = book.catalogues[area.code].schemes
    if column not in schemes:
        return not_covered(decider, "insurance_type", insurance_type, "catalogue ratios")
    return Place(area, price_level, schemes.index(column))


def not_covered(decider: Decider, column: str, code: str, where: str) -> Rejection:
    """Return the rejection of a claim with a code that belongs to no class.

    Args:
        decider: Whose document has the classes.
        column: The column of the claim.
        code: Its value, or `NONE`.
        where: The classes.
    """
    document = f"{decider.kind} {decider.name!r}"
    message = (
        f"{column} {code!r} belongs to no class of {where!r} in {document}; correct the code, or "
        "add it to the document"
    )
    if code == NONE:
        message = (
            f"the claim states no {column}, and no class of {where!r} in {document} is for claims "
            f"without one; state it, or list `{NONE}` in a class of the document"
        )
    return Rejection(
        Outcome.CLASS_NOT_COVERED,
        message,
        metadata={"column": column, "code": code, decider.kind: decider.name},
    )


def _no_catalogue(care_area: str) -> Rejection:
    """Return the rejection of a claim from a place of care that the rule book does not know."""
    return Rejection(
        Outcome.CLASS_NOT_COVERED,
        f"no area {care_area!r} is loaded, whose catalogue would split the lines; load its folder "
        "with area.yaml and catalogue, or correct care_area",
        metadata={"column": "care_area", "code": care_area},
    )
