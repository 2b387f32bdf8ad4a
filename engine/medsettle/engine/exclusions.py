"""What is looked for in claims before they are settled, and what was found in them.

The facts of a whole batch are read at once: settlements of its persons from a day on, and the
registrations of its persons and institutions, one statement each. Where no document of an area in
the batch has a check that needs them, nothing is read.

Claims of one person in a batch see one another in order, but only those that are settled; whether
an earlier one is, only the waterfall knows. So each attempt takes every claim for settled that
nothing was found in. Where one of them was what a later claim was found by, and is then refused,
the attempt is made again without it. The first such claim of a person has only final ones before
it, so each attempt decides one more for good.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import day_number
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Finding, Row
from medsettle.core.visits import Registration, institution_holder
from medsettle.engine.registrations import Registrations
from medsettle.engine.requests import request_key, settlement_id
from medsettle.ledger.entries import LedgerReader
from medsettle.ledger.records import decode_care
from medsettle.policy.exclusions import IN_LEDGER, OF_LIABILITY, ExclusionVersion
from medsettle.policy.registration_kinds import About
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.care import Care, care_of
from medsettle.settle.run import Settled
from medsettle.settle.suspicion import (
    PRECEDENCE,
    Found,
    Known,
    day_needed,
    refusal,
    suspicions,
    warned,
)

_Holder: TypeAlias = tuple[str, str]
Results: TypeAlias = dict[int, Settled | Rejection]


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Looks for what the documents of areas exclude."""

    rulebook: RuleBook
    ledger: LedgerReader
    registrations: Registrations
    judged: Callable[[Sequence[Row]], Sequence[Rejection | Mapping[str, object]]]

    def of(self, claims: ClaimBatch, rows: Sequence[int]) -> "Suspicions":
        """Return what is known beside the claims at `rows`, to look for suspicions in them."""
        watched = {}
        areas, days = claims.column("pooling_area"), claims.column("service_date")
        for row in rows:
            document = self.rulebook.exclusions.get(areas[row])
            version = document.on(days[row]) if document is not None else None
            if version is not None:
                claim = claims.rows[row]
                care = care_of(claim, _own_id(claim), row=row)
                checks = tuple(
                    check
                    for check in version.checks
                    if check.concerns(care.visit_type, care.insurance_type)
                )
                if checks:
                    watched[row] = _Watched(claim, care, replace(version, checks=checks))
        return Suspicions(watched, self._settled(watched), self._held(watched))

    def warnings(
        self, visit: ClaimBatch, parts: ClaimBatch, asked: Sequence[int]
    ) -> tuple[Finding, ...]:
        """Return what is found in a visit and does not stop it.

        Its card is judged first, as the order of outcomes has it. Who is liable is asked of parts,
        since the fund that is liable has its own; all else of the visit as one claim, since the
        parts of one visit do not accuse one another.

        Args:
            visit: The claim as it came, alone in its batch.
            parts: The claims it is routed to, without faults.
            asked: Positions of the parts that the answer about liability is for.

        Raises:
            CardRefused: The card does not count.
            Excluded: Something was found that refuses it.
        """
        (judged,) = self.judged([visit.rows[0]])
        if isinstance(judged, Rejection):
            raise judged.error()
        found = [
            each
            for each in self.of(visit, [0]).found(0, ())
            if each.check.finds not in OF_LIABILITY
        ]
        of_parts = self.of(parts, asked)
        for row in asked:
            own = of_parts.found(row, ())
            found += [each for each in own if each.check.finds in OF_LIABILITY]
        found.sort(key=lambda each: PRECEDENCE[each.check.finds])
        rejection = refusal(found)
        if rejection is not None:
            raise rejection.error()
        return tuple(dict.fromkeys(warned(found)))

    def _settled(self, watched: Mapping[int, "_Watched"]) -> dict[_Holder, list[Care]]:
        """Return the care settled before of every person whose claims are compared."""
        since: dict[_Holder, int] = {}
        for each in watched.values():
            for check in each.version.checks:
                if check.finds in IN_LEDGER:
                    day = day_number(day_needed(check, each.care))
                    since[each.person] = min(day, since.get(each.person, day))
        found: dict[_Holder, list[Care]] = {}
        for recorded in self.ledger.settled_since([(*key, day) for key, day in since.items()]):
            claim, visit = decode_care(recorded)
            care = care_of(claim, recorded.settlement, visit=visit)
            found.setdefault((recorded.pooling_area, recorded.person), []).append(care)
        return found

    def _held(self, watched: Mapping[int, "_Watched"]) -> dict[_Holder, list[Registration]]:
        """Return the registrations of everybody about whom a check asks for one."""
        holders: dict[_Holder, None] = {}
        for each in watched.values():
            kinds = self.rulebook.exclusions[each.person[0]].kinds
            for check in each.version.checks:
                if check.registration:
                    holders[each.holder(kinds[check.registration].about)] = None
        return {
            holder: [state.registration for state in states]
            for holder, states in self.registrations.held_by(list(holders)).items()
        }


@dataclass(frozen=True, slots=True)
class _Watched:
    """A claim that some checks look at."""

    claim: Row
    care: Care
    version: ExclusionVersion

    @property
    def person(self) -> _Holder:
        return str(self.claim["pooling_area"]), str(self.claim["person"])

    def holder(self, about: About) -> _Holder:
        """Return whose registrations a check asks for."""
        area, person = self.person
        institution = institution_holder(self.care.institution)
        return area, institution if about is About.INSTITUTION else person


@dataclass
class Suspicions:
    """The suspicions of one batch; what it settles is known to the claims after it."""

    watched: Mapping[int, _Watched]
    settled_before: Mapping[_Holder, Sequence[Care]]
    held: Mapping[_Holder, Sequence[Registration]]
    _settled: dict[_Holder, list[Care]] = field(default_factory=dict)

    def settle(self, rows: Sequence[int], run: Callable[[list[int]], Results]) -> Results:
        """Return the results of claims, those refused before payment among them.

        Args:
            rows: Positions, rising.
            run: Settles the claims at positions; it is asked again where it refused one that
                another claim was found by.
        """
        out: set[int] = set()
        while True:
            found = self._attempt(rows, out)
            results: Results = {
                row: rejection
                for row, own in found.items()
                if (rejection := refusal(own)) is not None
            }
            left = [row for row in rows if row not in results]
            results |= run(left) if left else {}
            refused = set(_first_refused(self.watched, found, results, out))
            if not refused:
                break
            out |= refused
        for row, each in self.watched.items():
            if row in results and _moves(results[row]):
                self._settled.setdefault(each.person, []).append(each.care)
        return {row: _with_warnings(results[row], found.get(row, ())) for row in rows}

    def _attempt(self, rows: Sequence[int], out: Collection[int]) -> dict[int, list[Found]]:
        """Return what is found where all claims but those in `out` are settled in order."""
        taken: dict[_Holder, list[Care]] = {}
        found = {}
        for row in rows:
            if row not in self.watched:
                continue
            each = self.watched[row]
            earlier = taken.setdefault(each.person, [])
            found[row] = self.found(row, earlier)
            if row not in out and refusal(found[row]) is None:
                earlier.append(each.care)
        return found

    def found(self, row: int, earlier: Sequence[Care]) -> list[Found]:
        """Return what is found in a claim beside the record and earlier claims of its batch."""
        each = self.watched.get(row)
        if each is None:
            return []
        before = self.settled_before.get(each.person, ())
        known = (*before, *self._settled.get(each.person, ()), *earlier)
        # A claim that was settled already, or whose visit was, is previewed again at times.
        own = each.care.settlement
        others = [care for care in known if own not in {care.settlement, care.visit}]
        registrations: dict[str, list[Registration]] = {}
        for about in About:
            for held in self.held.get(each.holder(about), ()):
                registrations.setdefault(held.kind, []).append(held)
        return suspicions(each.version, each.care, Known(others, registrations))


def _own_id(claim: Row) -> str:
    return settlement_id(str(claim["pooling_area"]), *request_key(claim))


def _moves(result: Settled | Rejection) -> bool:
    """Return whether a claim is settled; one with a gap is only shown."""
    return isinstance(result, Settled) and not result.undecided


def _first_refused(
    watched: Mapping[int, _Watched],
    found: Mapping[int, Sequence[Found]],
    results: Results,
    out: Collection[int],
) -> Iterator[int]:
    """Yield the first claim of each person that another was found by and that is not settled."""
    grounds = {each.by.row for own in found.values() for each in own if each.by is not None}
    seen: set[_Holder] = set()
    for row in sorted(row for row in grounds if row is not None):
        # Those of an earlier part of the batch are settled.
        if row in out or row not in results or _moves(results[row]):
            continue
        if watched[row].person not in seen:
            seen.add(watched[row].person)
            yield row


def _with_warnings(result: Settled | Rejection, found: Sequence[Found]) -> Settled | Rejection:
    warnings = warned(found)
    if isinstance(result, Rejection) or not warnings:
        return result
    return result.told(replace(result.settlement, warnings=warnings))
