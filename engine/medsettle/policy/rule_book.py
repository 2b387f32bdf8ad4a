"""What decides who pays: every area, catalogue and policy, checked and compiled."""

from dataclasses import dataclass, field
from typing import Any

from medsettle.errors import PolicyNotFound
from medsettle.policy.area import Area
from medsettle.policy.card_terms import CardRules
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.exclusions import Exclusions
from medsettle.policy.registration_kinds import RegistrationKind
from medsettle.policy.routing import Routing
from medsettle.policy.vocabulary import quoted, suggestion

DIGEST_CHARS = 12


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything that decides who pays: read-only, and identified by the digests of its sources.

    `routings` has the areas that settle one visit over several schemes, `cards` those that keep
    cards here, `exclusions` those that look for reasons not to pay.
    """

    areas: dict[str, Area]
    catalogues: dict[str, Catalogue]
    policies: tuple[CompiledPolicy, ...]
    routings: dict[str, Routing] = field(default_factory=dict)
    cards: dict[str, CardRules] = field(default_factory=dict)
    exclusions: dict[str, Exclusions] = field(default_factory=dict)

    def with_areas_of(self, other: "RuleBook") -> "RuleBook":
        """Return the book with the areas of another in place of its own of the same codes."""
        policies = [each for each in self.policies if each.policy.pooling_area not in other.areas]
        ours, theirs = _by_area(self), _by_area(other)
        kept = [
            {area: said for area, said in mine.items() if area not in other.areas} | new
            for mine, new in zip(ours, theirs, strict=True)
        ]
        areas, catalogues, *beside = kept
        return RuleBook(areas, catalogues, (*policies, *other.policies), *beside)

    def registration_kinds(self, pooling_area: str) -> dict[str, RegistrationKind]:
        """Return the kinds of registration that the documents of an area declare, by name."""
        documents = (self.routings.get(pooling_area), self.exclusions.get(pooling_area))
        return {
            name: kind
            for document in documents
            if document is not None
            for name, kind in document.kinds.items()
        }

    def candidates(
        self, pooling_area: str, insurance_type: str, visit_type: str
    ) -> list[CompiledPolicy]:
        """Return the policies for an area, insurance type and visit type, earliest first."""
        found = [
            compiled
            for compiled in self.policies
            if compiled.policy.pooling_area == pooling_area
            and compiled.policy.insurance_type == insurance_type
            and visit_type in compiled.policy.visit_types
        ]
        return sorted(found, key=lambda compiled: compiled.policy.in_force_from)

    def policy(self, name: str) -> CompiledPolicy:
        """Return a policy by its name.

        Raises:
            PolicyNotFound: No policy has that name.
        """
        for compiled in self.policies:
            if compiled.policy.name == name:
                return compiled
        hint = suggestion(name, [compiled.policy.name for compiled in self.policies])
        raise PolicyNotFound(f"no policy is called {quoted(name)}; {hint}", policy=name)


def _by_area(book: RuleBook) -> tuple[dict[str, Any], ...]:
    """Return what a book holds by area, in the order of its fields."""
    return book.areas, book.catalogues, book.routings, book.cards, book.exclusions
