"""What an area settles of what is drawn: asked of its own rule documents, by settling claims.

Which person types, visit types, hospital levels, kinds of institutions, entitlements and diseases
an area tells apart stands in its documents. Each candidate is put into a claim of an average bill
and settled; what is refused is not drawn. So nothing about any area is known here, and another
area of the same shape works as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import date_of, day_number
from medsettle.core.money import E6_PER_FEN
from medsettle.core.outcome import Rejection
from medsettle.core.schema import CLAIM
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.policy.compiled import CompiledPolicy, class_of
from medsettle.policy.keys import NONE, PRICE_LEVELS
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.population.marginal_keys import KINDS
from medsettle.replay.population.marginals import Disease, Group, Marginals
from medsettle.settle.item_use import no_values
from medsettle.settle.run import Settler

_DRAWN: Final = {
    *("pooling_area", "insurance_type", "visit_type", "person_type", "institution_level"),
    *("disease", "benefit_groups", "care_area", "institution", "diagnosis"),
}
"""Columns whose codes are drawn otherwise, or are always the area's own."""

# Of whom the documents are asked: whoever has an age has an answer.
_AGE_YEARS: Final = 40
_QUANTITY_E4: Final = 10_000


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are made: years from the first to the last, whole."""

    first_year: int
    last_year: int

    @property
    def first_day(self) -> int:
        """The first day, as days since 1970-01-01."""
        return day_number(date(self.first_year, 1, 1))

    @property
    def last_day(self) -> int:
        """The last day."""
        return day_number(date(self.last_year, 12, 31))

    @property
    def years(self) -> range:
        """The years, in order."""
        return range(self.first_year, self.last_year + 1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an area settles of one kind of visit of one group of persons.

    `settled[v, l, e]` says whether it settles visit type `visit_types[v]` at the level code
    `Accepted.level_codes[l]` in the stretch of days `e`. `facts` has the codes of other columns
    that rules look at, the usual one first, None for none. `refused_groups` are positions of
    benefit groups whose members have no such visit, for a document says that it cannot decide;
    `required` is the one of which a document settles only the members, None for none.
    """

    visit_types: tuple[str, ...]
    settled: NDArray[np.bool_]
    facts: Mapping[str, tuple[str | None, ...]]
    refused_groups: tuple[int, ...]
    required: int | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an area settles.

    `groups` are those whose visits it settles at all, `offers` one for each of them and each kind
    of visit, None where it settles none. `level_codes` are hospital levels, `level_of` the position
    of each among `PRICE_LEVELS`. `benefit_groups` are the entitlements that its rules ask for,
    `asked` those of each group's insurance. `diseases` have codes that it knows. `since` are the
    first days of stretches in which other documents are in force.
    """

    groups: tuple[Group, ...]
    offers: tuple[tuple[Offer | None, ...], ...]
    level_codes: tuple[str, ...]
    level_of: NDArray[np.int64]
    benefit_groups: tuple[str, ...]
    asked: tuple[frozenset[int], ...]
    diseases: tuple[Disease, ...]
    since: NDArray[np.int64]


def accepted(
    book: RuleBook, area: str, marginals: Marginals, span: Span, ordinary_item: str
) -> Accepted:
    """Return what an area settles.

    Args:
        book: The rules.
        area: The pooling area.
        marginals: The candidates.
        span: The days.
        ordinary_item: An item of the area's catalogue that is wholly in scope on all of them.

    Raises:
        NotFound: The rules have no such area.
        InvalidRequest: It settles none of the visits in these days.
    """
    if area not in book.areas:
        known = ", ".join(sorted(book.areas))
        raise NotFound(f"the rules have no area {area}; they have {known}", area=area)
    asking = _Asking(book, area, marginals, span, ordinary_item)
    found = asking.accepted()
    if not found.groups:
        insurances = sorted({group.insurance_type for group in marginals.groups})
        raise InvalidRequest(
            [
                Fault(
                    "area",
                    f"the documents of {area} settle no visit of the insurance types "
                    f"{', '.join(insurances)} from {date_of(span.first_day)} to "
                    f"{date_of(span.last_day)}; name other years, or marginals with other "
                    "insurances",
                )
            ]
        )
    return found


@dataclass
class _Asking:
    book: RuleBook
    area: str
    marginals: Marginals
    span: Span
    item: str
    settler: Settler = field(init=False)

    def __post_init__(self) -> None:
        self.settler = Settler(self.book)

    def accepted(self) -> Accepted:
        levels = self.book.areas[self.area].price_levels
        codes = tuple(code for level in levels for code in level)
        level_of = [at for at, level in enumerate(levels) for _ in level]
        assert len(levels) == len(PRICE_LEVELS)
        since = self.since()
        diseases = self.diseases()
        names = self.benefit_groups()
        groups, offers = [], []
        for group in self.marginals.groups:
            own = tuple(self.offer(group, kind, codes, since, names) for kind in KINDS)
            if any(offer is not None for offer in own):
                groups.append(group)
                offers.append(own)
        asked = [
            frozenset(
                names.index(name) for name in self.asked(group.insurance_type) if name in names
            )
            for group in groups
        ]
        return Accepted(
            groups=tuple(groups),
            offers=tuple(offers),
            level_codes=codes,
            level_of=np.array(level_of, dtype=np.int64),
            benefit_groups=names,
            asked=tuple(asked),
            diseases=diseases,
            since=np.array([day_number(day) for day in since], dtype=np.int64),
        )

    def policies(
        self, insurance_type: str | None = None, visit_types: tuple[str, ...] = ()
    ) -> list[CompiledPolicy]:
        """Return the area's policies of what is drawn, or of one insurance and some visit types."""
        types = visit_types or tuple(
            each for told in self.marginals.visits.values() for each in told
        )
        insurances = {group.insurance_type for group in self.marginals.groups}
        asked = insurances if insurance_type is None else {insurance_type}
        found = {
            id(policy): policy
            for insurance in sorted(asked)
            for each in types
            for policy in self.book.candidates(self.area, insurance, each)
        }
        return [*found.values()]

    def since(self) -> list[date]:
        """Return the first day of the span and those on which other documents come into force."""
        first, last = date_of(self.span.first_day), date_of(self.span.last_day)
        days = {first}
        for compiled in self.policies():
            days |= {compiled.policy.in_force_from}
            days |= {compiled.policy.in_force_until or first}
            for _, since, until in compiled.unstated:
                days |= {since, until or first}
        return sorted(day for day in days if first <= day <= last)

    def asked(self, insurance_type: str) -> list[str]:
        """Return the benefit groups that the policies of an insurance ask for."""
        found: dict[str, None] = {}
        for compiled in self.policies(insurance_type):
            for dimension in compiled.policy.dimensions.values():
                if dimension.column == "benefit_groups":
                    found |= {code: None for codes in dimension.codes for code in codes}
        return [name for name in found if name != NONE]

    def benefit_groups(self) -> tuple[str, ...]:
        insurances = dict.fromkeys(group.insurance_type for group in self.marginals.groups)
        found = dict.fromkeys(name for each in insurances for name in self.asked(each))
        return tuple(found)[: limits.BENEFIT_GROUPS_MAX]

    def diseases(self) -> tuple[Disease, ...]:
        """Return the diseases with codes that the area's documents know."""
        known = [
            dimension
            for compiled in self.policies()
            for dimension in compiled.policy.dimensions.values()
            if dimension.column == "disease"
        ]
        codes = [code for each in known for own in each.codes for code in own if code != NONE]
        return tuple(
            disease
            if all(class_of(each, disease.disease) >= 0 for each in known)
            else Disease(disease.name, codes[at % len(codes)], disease.diagnosis)
            for at, disease in enumerate(self.marginals.diseases)
        )

    def offer(
        self,
        group: Group,
        kind: str,
        codes: tuple[str, ...],
        since: list[date],
        names: tuple[str, ...],
    ) -> Offer | None:
        """Return what the area settles of a kind of visits of a group."""
        types = self.marginals.visits[kind]
        facts = self.facts(group.insurance_type, types)
        usual = {column: options[0] for column, options in facts.items()}
        places = [(v, c, e) for v in types for c in codes for e in since]
        shape = (len(types), len(codes), len(since))
        for required in (None, *range(len(names))):
            base = self.claim(group, kind, names, required) | usual
            rows = [_at(base, *place) for place in places]
            settled = np.fromiter(self.settled(rows), dtype=np.bool_).reshape(shape)
            if settled.any():
                break
        else:
            return None
        one = rows[int(np.argmax(settled.reshape(-1)))]
        tried = [one | {column: code} for column, options in facts.items() for code in options]
        held: list[str] = one["benefit_groups"]  # type: ignore[assignment]
        tried += [one | {"benefit_groups": [*held, name]} for name in names]
        outcomes = self.settled(tried)
        found = {
            column: tuple(code for code in options if next(outcomes))
            for column, options in facts.items()
        }
        refused = tuple(at for at, good in enumerate(outcomes) if not good)
        kept = [at for at, good in enumerate(settled) if good.any()]
        visit_types = tuple(types[at] for at in kept)
        return Offer(visit_types, settled[kept], found, refused, required)

    def facts(
        self, insurance_type: str, visit_types: tuple[str, ...]
    ) -> dict[str, tuple[str | None, ...]]:
        """Return a code of each class that policies tell apart, None for the class of none."""
        found: dict[str, dict[str | None, None]] = {}
        for compiled in self.policies(insurance_type, visit_types):
            for dimension in compiled.policy.dimensions.values():
                if dimension.kind == "code" and dimension.column not in _DRAWN:
                    options = found.setdefault(dimension.column, {})
                    if class_of(dimension, NONE) >= 0:
                        found[dimension.column] = options = {None: None, **options}
                    for codes in dimension.codes:
                        options |= {codes[0]: None} if NONE not in codes else {}
        return {column: tuple(options) for column, options in found.items()}

    def claim(
        self, group: Group, kind: str, names: tuple[str, ...], required: int | None
    ) -> dict[str, object]:
        """Return a claim of a group, of an average bill, of a member of a benefit group or none."""
        first = date_of(self.span.first_day)
        fen = int(self.marginals.figures["mean_bill"][(group.insurance, kind)].number * 100)
        disease = self.diseases()[0]
        special = kind == "special"
        row: dict[str, object] = {column.name: None for column in CLAIM}
        return row | {
            "institution": "H",
            "pooling_area": self.area,
            "insurance_type": group.insurance_type,
            "person_type": group.person_type,
            "birth_date": first.replace(year=first.year - _AGE_YEARS),
            "benefit_groups": [] if required is None else [names[required]],
            "account_used": group.account,
            "disease": disease.disease if special else None,
            "approved_diseases": [disease.disease] if special else [],
            "approval_date": first if special else None,
            "fen": fen,
        }

    def settled(self, rows: list[dict[str, object]]) -> Iterator[bool]:
        """Yield whether each claim is settled, nothing having happened before."""
        most = limits.CLAIMS_PER_BATCH_MAX
        for start in range(0, len(rows), most):
            told = [self.told(row, number) for number, row in enumerate(rows[start : start + most])]
            batch = ClaimBatch.from_rows(told)
            sound = [at for at in range(len(told)) if at not in batch.rejections]
            results = self.settler.run(batch, sound, no_values, refuse_gaps=True)
            for at in range(len(told)):
                yield at in results and not isinstance(results[at], Rejection)

    def told(self, row: dict[str, object], number: int) -> dict[str, object]:
        """Return a claim of its own person, with its line."""
        fen = int(str(row["fen"]))
        line = {
            **{"line_id": "1", "item_code": self.item, "fee_date": row["service_date"]},
            **{"quantity_e4": _QUANTITY_E4, "unit_price_e6": fen * E6_PER_FEN, "amount_fen": fen},
        }
        own = {"request_id": f"R{number}", "person": f"P{number}", "lines": [line]}
        return {name: value for name, value in row.items() if name != "fen"} | own


def _at(claim: dict[str, object], visit_type: str, level: str, day: date) -> dict[str, object]:
    return claim | {
        **{"visit_type": visit_type, "institution_level": level},
        **{"service_date": day, "admission_date": day},
    }
