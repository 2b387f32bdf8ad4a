"""What an invented population looks like: cited figures, read strictly out of a document.

The document that comes with medsettle has the nation's figures (`marginals.yaml` beside this file).
Nothing in it is money that moves: bills are drawn around its figures and are rounded to whole fen
in `medsettle.replay.population.bills`, before anything is made of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.codes import INSURANCE_TYPES, VISIT_TYPES
from medsettle.core.columns import Kind
from medsettle.core.money import rate_text
from medsettle.core.schema import CLAIM
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import keys, tree
from medsettle.policy.checker import Checker
from medsettle.policy.model import Source
from medsettle.policy.read_facts import cited, read_sources
from medsettle.policy.tree import Map, Value
from medsettle.policy.vocabulary import quoted
from medsettle.replay.population import marginal_keys as own

SHIPPED: Final = "marginals.yaml"

_PERCENT: Final = r"[0-9]{1,3}(?:\.[0-9]{1,6})?%"
_DECIMAL: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_CODES: Final = {column.name: column for column in CLAIM if column.kind is Kind.CODE}


@dataclass(frozen=True, slots=True)
class Cell:
    """A number with where it is from: a key of the sources, or why it was invented."""

    number: Fraction
    source: str
    invented: str


@dataclass(frozen=True, slots=True)
class Group:
    """Persons with one insurance and person type."""

    name: str
    insurance: str
    insurance_type: str
    person_type: str
    account: bool


@dataclass(frozen=True, slots=True)
class Disease:
    """A chronic disease: the code of its approval, and of its diagnosis."""

    name: str
    disease: str
    diagnosis: str


@dataclass(frozen=True, slots=True)
class Marginals:
    """The figures of a document.

    `figures` has the cells of each by their rows, `visits` the visit types of each kind, the usual
    one first, `digest` is the SHA-256 of the document in hex.
    """

    sources: Mapping[str, Source]
    groups: tuple[Group, ...]
    visits: Mapping[str, tuple[str, ...]]
    diseases: tuple[Disease, ...]
    figures: Mapping[str, Mapping[tuple[str, ...], Cell]]
    digest: str

    def number(self, name: str, *rows: str) -> float:
        """Return one number, to draw with."""
        return float(self.figures[name][rows].number)

    def named(self, name: str, *rows: str) -> dict[str, float]:
        """Return the numbers of the rows below some rows, by name, in order."""
        cells = self.figures[name].items()
        below = [(at, cell) for at, cell in cells if at[: len(rows)] == rows]
        return {at[-1]: float(cell.number) for at, cell in below}

    def steps(self, name: str, *rows: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return from which ages on numbers hold, rising, and the numbers, shape (n,) each."""
        found = self.named(name, *rows)
        return np.array([int(age) for age in found]), np.array([*found.values()])

    def at_ages(self, name: str, *rows: str) -> NDArray[np.float64]:
        """Return the number of each age in years from 0 to the oldest that may be drawn."""
        ages, numbers = self.steps(name, *rows)
        every = np.arange(limits.AGE_YEARS_MAX + 1)
        return numbers[np.maximum(np.searchsorted(ages, every, side="right") - 1, 0)]


def load_marginals(path: Path | None = None) -> Marginals:
    """Return the figures of a document, or those that come with medsettle.

    Raises:
        PolicyRejected: All faults, each with file, line and column.
        OSError: The file cannot be read.
    """
    if path is None:
        return _shipped()
    return _loaded(path.read_bytes(), str(path))


@cache
def _shipped() -> Marginals:
    return _loaded(files("medsettle.replay.population").joinpath(SHIPPED).read_bytes(), SHIPPED)


def _loaded(raw: bytes, name: str) -> Marginals:
    marginals, violations = read_marginals(*tree.parse(raw, name), sha256(raw).hexdigest())
    if violations:
        raise PolicyRejected(violations)
    return marginals


def read_marginals(
    document: Map, violations: list[Violation], digest: str
) -> tuple[Marginals, list[Violation]]:
    """Return the figures of a document, with every violation found; none is used where any is."""
    check = Checker(violations)
    parts = check.record(document, own.MARGINALS)
    check.one_of(parts.get("format"), [keys.FORMAT])
    check.text(parts.get("note"))
    sources = read_sources(check, parts.get("sources"))
    insurances = _insurances(check, parts.get("insurances"))
    groups = _groups(check, parts.get("groups"), insurances)
    visits = {}
    for name, place, body in check.named(parts.get("visits"), "kinds of visits"):
        kind = check.known(tree.Text(place, name), own.KINDS, "kind of visit")
        types = check.record(body, own.VISIT).get("visit_types")
        visits[kind or name] = check.codes(types, "visit type", VISIT_TYPES)
    visits = {kind: visits.get(kind, ()) for kind in own.KINDS}
    diseases = []
    for name, _, body in check.named(parts.get("diseases"), "diseases"):
        codes = check.record(body, own.DISEASE)
        told = [_code(check, codes.get(column), column) for column in ("disease", "diagnosis")]
        diseases.append(Disease(name, *told))
    listed = parts.get("diseases")
    if isinstance(listed, Map) and listed.readable and not diseases:
        check.refuse(listed.place, "no disease stands here; name one or more, with its codes")
    rows = {
        **own.FIXED_AXES,
        "insurance": tuple(insurances),
        "group": tuple(group.name for group in groups),
        "holder": tuple(group.name for group in groups if group.account),
        "disease": tuple(disease.name for disease in diseases),
    }
    figures = _figures(check, parts.get("figures"), rows, sources)
    found = Marginals(sources, tuple(groups), visits, tuple(diseases), figures, digest)
    if not check.violations and parts:
        _check_sums(check, found, parts["figures"])
    return found, sorted(check.violations, key=lambda fault: (fault.line, fault.column))


def _code(check: Checker, value: Value | None, column: str) -> str:
    code = check.text(value)
    most = _CODES[column].most
    if value is not None and (len(code) > most or re.fullmatch("[!-~]+", code) is None):
        check.refuse(value.place, f"{quoted(code)} is no code that a claim can state; correct it")
    return code


def _insurances(check: Checker, value: Value | None) -> dict[str, tuple[str, bool]]:
    """Return type and whether there are accounts, by name."""
    found = {}
    for name, _, body in check.named(value, "insurances"):
        parts = check.record(body, own.INSURANCE)
        told = check.code(parts.get("insurance_type"), "insurance type", INSURANCE_TYPES) or ""
        found[name] = told, check.one_of(parts.get("account"), ["yes", "no"]) == "yes"
    return found


def _groups(
    check: Checker, value: Value | None, insurances: Mapping[str, tuple[str, bool]]
) -> list[Group]:
    groups = []
    for name, _, body in check.named(value, "groups"):
        parts = check.record(body, own.GROUP)
        insurance = check.known(parts.get("insurance"), insurances, "insurance") or ""
        # Of one that cannot be read, more is not told.
        told, account = insurances.get(insurance, ("", True))
        person_type = _code(check, parts.get("person_type"), "person_type")
        groups.append(Group(name, insurance, told, person_type, account))
    return groups


def _figures(
    check: Checker,
    value: Value | None,
    rows: Mapping[str, tuple[str, ...]],
    sources: dict[str, Source],
) -> dict[str, dict[tuple[str, ...], Cell]]:
    found = {}
    for name, place, body in check.named(value, "figures"):
        known = check.known(tree.Text(place, name), own.FIGURES, "figure")
        if known is not None:
            found[known] = _Reader(check, own.FIGURES[known], rows, sources).cells(body)
    if value is not None:
        for name in own.FIGURES.keys() - found.keys():
            check.refuse_missing(value.place, name, "a figure of its own")
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one figure."""

    check: Checker
    form: own.Form
    rows: Mapping[str, tuple[str, ...]]
    sources: dict[str, Source]

    def cells(self, body: Value) -> dict[tuple[str, ...], Cell]:
        parts = self.check.record(body, own.FIGURE)
        self.check.text(parts.get("note"))
        inherited = self.origin(parts, None, body)
        wanted = "value" if not self.form.by else "rows"
        if self.form.by == (own.AGE,):
            wanted = "ages"
        for word in ("value", "rows", "ages"):
            if word in parts and word != wanted:
                self.check.refuse(parts[word].place, f"this figure has `{wanted}`, not `{word}`")
        if wanted not in parts:
            self.check.refuse_missing(body.place, wanted, "its numbers")
            return {}
        found: dict[tuple[str, ...], Cell] = {}
        self.below(parts[wanted], self.form.by, (), inherited, found)
        return found

    def origin(
        self, parts: Mapping[str, Value], inherited: tuple[str, str] | None, body: Value
    ) -> tuple[str, str]:
        """Return the source and the reason of an invented figure; one of the two is empty."""
        source, invented = parts.get("source"), parts.get("invented")
        if source is not None and invented is not None:
            self.check.refuse(invented.place, "it has a source; keep one of the two")
        if source is None and invented is None:
            if inherited is None:
                says = "name its `source`, or say with `invented` why it was chosen"
                self.check.refuse(body.place, f"no source stands here; {says}")
            return inherited or ("", "")
        cited_source = cited(self.check, source, self.sources) or ""
        return cited_source, self.check.text(invented)

    def below(
        self,
        value: Value,
        by: tuple[str, ...],
        at: tuple[str, ...],
        inherited: tuple[str, str],
        found: dict[tuple[str, ...], Cell],
    ) -> None:
        """Read what stands below some rows."""
        if not by:
            found[at] = self.cell(value, inherited)
            return
        axis, *rest = by
        entries = self.check.entries(value, f"numbers by {axis}")
        if axis == own.AGE:
            self.check_ages(value, [(name, place) for name, place, _ in entries])
        elif axis not in own.FREE_AXES or axis in self.rows:
            known = self.rows[axis]
            for name, place, _ in entries:
                self.check.known(tree.Text(place, name), known, f"{axis} here")
            for name in known:
                if name not in {entry for entry, _, _ in entries}:
                    self.check.refuse_missing(value.place, name, f"the number of this {axis}")
        elif own.OTHER not in {name for name, _, _ in entries}:
            self.check.refuse_missing(value.place, own.OTHER, f"the number of every other {axis}")
        for name, _, body in entries:
            self.below(body, tuple(rest), (*at, name), inherited, found)

    def check_ages(self, value: Value, entries: list[tuple[str, tree.Place]]) -> None:
        last = -1
        for name, place in entries:
            if re.fullmatch("0|[1-9][0-9]{0,2}", name) is None or int(name) > limits.AGE_YEARS_MAX:
                most = limits.AGE_YEARS_MAX
                self.check.refuse(place, f"{quoted(name)} is no age of 0 to {most} years")
            elif int(name) <= last:
                self.check.refuse(place, f"{name} does not come after {last}; order the ages")
            else:
                last = int(name)
        if value is not None and not entries:
            self.check.refuse(value.place, "no age stands here; begin with `0:`")

    def cell(self, value: Value, inherited: tuple[str, str]) -> Cell:
        if isinstance(value, Map):
            parts = self.check.record(value, own.FIGURE)
            inherited = self.origin(parts, inherited, value)
            for word in ("rows", "ages"):
                if word in parts:
                    self.check.refuse(parts[word].place, "one number stands here; write `value`")
            if "value" not in parts:
                self.check.refuse_missing(value.place, "value", "the number")
            number = self.check.parsed(parts.get("value"), self.parse, Fraction(1))
        else:
            number = self.check.parsed(value, self.parse, Fraction(1))
        return Cell(number, *inherited)

    def parse(self, text: str) -> Fraction:
        if self.form.unit == own.SHARE:
            if re.fullmatch(_PERCENT, text) is None or Fraction(text[:-1]) > 100:
                raise ValueError(f"{quoted(text)} is no share; write 0% to 100%, like 12.5%")
            return Fraction(text[:-1]) / 100
        if re.fullmatch(_PERCENT, text):
            found = Fraction(text[:-1]) / 100
        elif re.fullmatch(_DECIMAL, text):
            found = Fraction(text)
        else:
            raise ValueError(f"{quoted(text)} is no number; write it like 8.11 or 60%")
        if not found:
            raise ValueError(f"{quoted(text)} must be above 0; correct it")
        if self.form.unit == own.FROM_ONE and found < 1:
            raise ValueError(f"{quoted(text)} is less than one; write 1 or more")
        return found


def _check_sums(check: Checker, marginals: Marginals, figures: Value) -> None:
    """Refuse shares that do not add up to the whole, and ages and bounds out of order."""
    for group in marginals.groups:
        ages, _ = marginals.steps("ages", group.name)
        limit = marginals.figures["age_limit"][(group.name,)].number
        if not ages[-1] < limit <= limits.AGE_YEARS_MAX or limit.denominator != 1:
            found = f"the ages of {group.name} begin at {ages[-1]} last and end at {limit}"
            most = limits.AGE_YEARS_MAX
            check.refuse(figures.place, f"{found}; write a whole age above it, up to {most}")
    for name, form in own.FIGURES.items():
        if form.by == ("bound",):
            low, high = (marginals.figures[name][bound,].number for bound in ("least", "most"))
            if low > high:
                found = f"the least of {name} is {rate_text(low)} and the most {rate_text(high)}"
                check.refuse(figures.place, f"{found}; write the smaller first")
    sums: dict[tuple[str, ...], Fraction] = {}
    for name in own.WHOLES:
        for rows, cell in marginals.figures[name].items():
            at = (name, *rows[:-1])
            sums[at] = sums.get(at, Fraction(0)) + cell.number
    for group in marginals.groups:
        at = ("group_share", group.insurance)
        number = marginals.figures["group_share"][(group.name,)].number
        sums[at] = sums.get(at, Fraction(0)) + number
    for at, total in sums.items():
        if total != 1:
            shares = f"the shares of {' '.join(at)} add up to {rate_text(total)}, not 100 %"
            check.refuse(figures.place, f"{shares}; correct them")
