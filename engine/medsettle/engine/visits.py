"""Visits: one claim routed over schemes, settled as linked parts in one durable commit.

The visit is an entry of its own that names its parts, so a repeated request is answered from what
was recorded, whatever has been registered since; a part is a settlement like any other, under the
request id of the visit with `.1`, `.2` and so on. Parts are settled in the order of the schemes and
cancelled together, the last one first.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from medsettle import errors, limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Finding, Row, Settlement
from medsettle.core.visits import Registration, RegistrationState, Visit
from medsettle.engine.cancels import cancel_entry
from medsettle.engine.claim_entries import claim_entry
from medsettle.engine.copies import decided_elsewhere
from medsettle.engine.reading import no_visit
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import (
    claim_digest,
    content_digest,
    named,
    request_key,
    reused,
    sender_faults,
    settlement_id,
)
from medsettle.engine.undone_adjustments import with_adjustments_undone
from medsettle.engine.visit_entries import (
    part_ids,
    recorded_visit,
    visit_cancel_entry,
    visit_entry,
    visit_of,
)
from medsettle.ledger.entries import Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_event, placed
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.vocabulary import suggestion
from medsettle.settle.care_lines import care_of_visit
from medsettle.settle.route import Routed, route_visit
from medsettle.settle.run import Settled

_LINE = re.compile(r"lines\[(\d+)\]")


class Run(Protocol):
    """Settles the rows of a batch, after what was moved and is not recorded."""

    def __call__(
        self,
        claims: ClaimBatch,
        rows: Sequence[int],
        moved: Mapping[CounterKey, int],
        *,
        refuse_gaps: bool,
    ) -> dict[int, Settled | Rejection]:
        """Return the result of each claim at `rows`."""
        ...


@dataclass(frozen=True, slots=True)
class Visits:
    """Previews, settles, cancels and finds visits."""

    rulebook: RuleBook
    ledger: LedgerReader
    run: Run
    held: Callable[[str, str], list[RegistrationState]]
    warnings: Callable[[ClaimBatch, ClaimBatch, Sequence[int]], tuple[Finding, ...]]
    log: RequestLog

    def preview(self, claims: ClaimBatch) -> Visit:
        """Return what a visit would be settled to; nothing is recorded.

        Args:
            claims: One claim, whose insurance type is that of the person's basic insurance.

        Raises:
            As `settle`, but for those of a record.
        """
        claim = self._checked(claims)
        routed = self._routed(claims)
        batch = _batch(claims, routed)
        warnings = self.warnings(claims, batch, _liable(routed))
        results = self._settled(batch, routed, refuse_gaps=False)
        parts = tuple(_of_visit(each.settlement, None, routed, warnings) for each in results)
        visit = visit_of(self._linked(claim, b"", (), routed), parts)
        notices = tuple(notice for part in parts for notice in part.notices)
        return replace(visit, visit=None, notices=notices)

    def settle(self, claims: ClaimBatch) -> Visit:
        """Return a visit after routing its lines and recording every part in one commit.

        Raises:
            InvalidRequest: The claim or a line has faults; carries all of them.
            RoutingNotFound: The area has no `routing.yaml`.
            NotConfirmed: A line needs a confirmation that is not registered.
            RequestIdReused: The request id, or that of a part, was used for something else.
            DuplicateSettlement: The institution's number was used under another request id.
            Excluded: Something was found before payment that refuses the visit.
            Precondition: A part cannot be settled; nothing of the visit is recorded.
            LedgerUnavailable: Nothing was recorded.
        """
        claim = self._checked(claims)
        digest = claim_digest("visit", claim)
        asked = Asked(*request_key(claim), digest, str(claim["pooling_area"]), str(claim["person"]))
        return self.log.answer(asked, lambda: self._settle(claims, claim, asked), self._repeated)

    def _settle(self, claims: ClaimBatch, claim: Row, asked: Asked) -> Visit:
        key = asked.key
        self._refuse_used_number(claim)
        routed = self._routed(claims)
        self._refuse_used_ids(key, len(routed.parts))
        batch = _batch(claims, routed)
        warnings = self.warnings(claims, batch, _liable(routed))
        results = self._settled(batch, routed, refuse_gaps=True)
        own_id = settlement_id(str(claim["pooling_area"]), *key)
        entries, settlements = [], []
        for part, result in zip(_numbered(routed, key[1]), results, strict=True):
            settlement = _of_visit(result.settlement, own_id, routed, warnings)
            entry, named = claim_entry(
                part, claim_digest("visit_part", part), replace(result, settlement=settlement)
            )
            entries.append(entry)
            settlements.append(named)
        whole = self._linked(
            claim, asked.digest, tuple(each.settlement for each in entries), routed
        )
        first, moment = self.log.commit([whole, *entries])
        parts = tuple(placed(each, seq, moment) for seq, each in enumerate(settlements, first + 1))
        return replace(visit_of(whole, parts), seq=first, create_time=moment)

    def _linked(self, claim: Row, digest: bytes, parts: tuple[str, ...], routed: Routed) -> Entry:
        registrations = tuple(self._registrations(claim))
        routing_digest = self.rulebook.routings[str(claim["pooling_area"])].digest
        return visit_entry(claim, digest, parts, routed.routes, registrations, routing_digest)

    def cancel(self, institution: str, request_id: str, visit: str) -> Visit:
        """Return the record that takes a whole visit back and restores every counter.

        Raises:
            InvalidRequest: Institution or request id are no codes.
            NotFound: No visit of this institution has that id.
            AlreadyCancelled: It was cancelled before, under another request id.
            AccountSpent: What it put into the account has been spent since.
            RequestIdReused: The request id was used before for something else.
            LedgerUnavailable: Nothing was recorded.
        """
        if faults := sender_faults(institution, request_id) or _id_faults(request_id):
            raise errors.InvalidRequest(faults)
        asked = Asked(institution, request_id, content_digest("visit_cancel", {"visit": visit}))

        def act(found: Recorded | None) -> Visit:
            if found is None or found.kind != "visit" or found.institution != institution:
                raise errors.NotFound(
                    f"institution {institution} has no visit {visit!r} to cancel", visit=visit
                )
            return self.take_back(found, asked)

        return self.log.answer_about(
            asked, lambda: self.ledger.settlement(visit), act, self._repeated
        )

    def take_back(
        self, original: Recorded, asked: Asked, reversed_request: str | None = None
    ) -> Visit:
        """Return the record that takes a whole visit back, after its commit.

        Args:
            original: The visit.
            asked: The request, to be recorded under its id.
            reversed_request: The request id of the visit, where that is what is reversed.

        Raises:
            As `cancel`, but for those of its own request.
        """
        if faults := _id_faults(asked.request_id):
            raise errors.InvalidRequest(faults)
        self._refuse_cancelled(original.settlement)
        if decode_event(original).get("side") is not None:
            raise decided_elsewhere(original.settlement, original.pooling_area, "take it back")
        ids = part_ids(original)
        self._refuse_used_ids(asked.key, len(ids))
        entries, settlements = self._taken_back(ids, asked.key, reversed_request)
        linked = tuple(entry.settlement for entry in entries)
        whole = visit_cancel_entry(original, asked, linked, reversed_request)
        parts_back = with_adjustments_undone(self.ledger, entries[::-1])
        first, moment = self.log.commit([whole, *parts_back])
        # The last part was taken back first; the answer has them in the order of the visit.
        seqs = range(first + len(entries), first, -1)
        parts = tuple(
            placed(each, seq, moment) for each, seq in zip(settlements, seqs, strict=True)
        )
        return replace(visit_of(whole, parts), seq=first, create_time=moment)

    def _taken_back(
        self, ids: Sequence[str], key: tuple[str, str], reversed_request: str | None
    ) -> tuple[list[Entry], list[Settlement]]:
        """Return the cancels of the parts in the order of the visit, worked out last part first."""
        moved: Counter[CounterKey] = Counter()

        def values(keys: Sequence[CounterKey]) -> Mapping[CounterKey, int]:
            held = self.ledger.counters(keys)
            return {each: held.get(each, 0) + moved[each] for each in keys}

        found: list[tuple[Entry, Settlement]] = []
        for number in range(len(ids), 0, -1):
            part = self.ledger.settlement(ids[number - 1])
            assert part is not None, "a visit is recorded with its parts"
            sender = (key[0], f"{key[1]}.{number}")
            # Of its own kind: asked for under this id, a visit must not look repeated.
            digest = content_digest("visit_part_cancel", {"settlement": part.settlement})
            entry, settlement = cancel_entry(part, sender, digest, values, reversed_request)
            for posting in entry.postings:
                moved[posting.key] += posting.delta
            found.append((entry, settlement))
        return [each for each, _ in reversed(found)], [each for _, each in reversed(found)]

    def get(self, visit: str) -> Visit:
        """Return a recorded visit, or the record that took one back.

        Raises:
            NotFound: No visit is recorded under that id.
        """
        recorded = self.ledger.settlement(visit)
        if recorded is None or recorded.kind not in {"visit", "visit_cancel"}:
            raise no_visit(visit)
        return recorded_visit(self.ledger, recorded)

    # --- what a visit is made of ------------------------------------------------------------

    def _checked(self, claims: ClaimBatch) -> Row:
        assert len(claims) == 1, "a visit is one claim"
        if claims.rejections:
            raise claims.rejections[0].error()
        claim = claims.rows[0]
        faults = _id_faults(str(claim["request_id"]))
        if not claim["lines"]:
            faults.append(errors.Fault("lines", "a visit needs a line; payouts alone are a claim"))
        if faults:
            raise errors.InvalidRequest(faults)
        return claim

    def _registrations(self, claim: Row) -> list[Registration]:
        held = self.held(str(claim["pooling_area"]), str(claim["person"]))
        return [each.registration for each in held]

    def _routed(self, claims: ClaimBatch) -> Routed:
        claim = claims.rows[0]
        area = str(claim["pooling_area"])
        routing = self.rulebook.routings.get(area)
        if routing is None:
            hint = suggestion(area, self.rulebook.routings)
            raise errors.RoutingNotFound(
                f"no routing.yaml is loaded for area {area}; {hint}. Add it, or settle the claim "
                "in one scheme",
                pooling_area=area,
            )
        care = care_of_visit(self.rulebook, claim, claims.scopes.get(0))
        return route_visit(claim, routing, care, self._registrations(claim))

    def _settled(self, batch: ClaimBatch, routed: Routed, *, refuse_gaps: bool) -> list[Settled]:
        """Return the settled parts in order; the first one refused refuses the visit."""
        results = self.run(batch, range(len(batch)), {}, refuse_gaps=refuse_gaps)
        found = []
        for row, scheme in enumerate(routed.schemes):
            result = results[row]
            if isinstance(result, Rejection):
                raise _refusal(result, row + 1, scheme, routed)
            found.append(result)
        return found

    def _refuse_used_number(self, claim: Row) -> None:
        number = claim["institution_settlement"]
        key = (str(claim["institution"]), str(number))
        used = {} if number is None else self.ledger.institution_settlements([key])
        recorded = self.ledger.settlement(used[key]) if used else None
        if recorded is not None:
            raise errors.DuplicateSettlement(
                f"institution settlement {number!r} is recorded as {recorded.settlement} under "
                "another request id; use a new number, which a cancel does not free",
                institution_settlement=str(number),
                **named(recorded),
            )

    def _refuse_used_ids(self, key: tuple[str, str], parts: int) -> None:
        institution, request_id = key
        keys = [(institution, f"{request_id}.{number}") for number in range(1, parts + 1)]
        for recorded in self.ledger.requests(keys).values():
            raise reused(recorded)

    def _refuse_cancelled(self, visit: str) -> None:
        cancelled = self.ledger.cancel_of(visit)
        if cancelled is not None:
            raise errors.AlreadyCancelled(
                f"visit {visit} was cancelled by {cancelled.settlement}",
                visit=visit,
                cancelled_by=cancelled.settlement,
            )

    def _repeated(self, recorded: Recorded) -> Visit:
        return recorded_visit(self.ledger, recorded, duplicate=True)


def _batch(claims: ClaimBatch, routed: Routed) -> ClaimBatch:
    """Return the claims of the parts, checked as any claim is, each with the split of its lines.

    Raises:
        InvalidRequest: A part has faults, such as more entitlements than a claim may state.
    """
    batch = ClaimBatch.from_rows(_numbered(routed, str(claims.rows[0]["request_id"])))
    if (scope := claims.scopes.get(0)) is not None:
        parts = range(len(routed.parts))
        batch = batch.scoped({row: scope.chosen(_places(routed, row + 1)) for row in parts})
    for row, rejection in sorted(batch.rejections.items()):
        raise _refusal(rejection, row + 1, routed.schemes[row], routed)
    return batch


def _liable(routed: Routed) -> list[int]:
    """Return the parts that the answer about liability is for, by position.

    Where an authority has decided whose some lines are, the answer is about those: what the others
    are for has nothing to do with the accident. Where none has, it is about all.
    """
    decided = sorted({route.part - 1 for route in routed.routes if route.registration})
    return decided or list(range(len(routed.parts)))


def _numbered(routed: Routed, request_id: str) -> list[Row]:
    """Return the claims of the parts under request ids of their own."""
    return [
        part | {"request_id": f"{request_id}.{number}"}
        for number, part in enumerate(routed.parts, 1)
    ]


def _id_faults(request_id: str) -> list[errors.Fault]:
    most = limits.VISIT_REQUEST_ID_CHARS_MAX
    if len(request_id) <= most:
        return []
    message = f"{len(request_id)} characters; a visit's has at most {most}, for those of its parts"
    return [errors.Fault("request_id", message)]


def _of_visit(
    settlement: Settlement, visit: str | None, routed: Routed, warnings: tuple[Finding, ...]
) -> Settlement:
    """Return a part with its visit, what was found in that, and why each line is in the part."""
    reasons = {route.line_id: route.reason for route in routed.routes}
    return replace(
        settlement,
        columns=settlement.columns | {"visit": visit},
        lines=tuple(row | {"route": reasons[str(row["line_id"])]} for row in settlement.lines),
        warnings=warnings,
    )


def _places(routed: Routed, part: int) -> list[int]:
    """Return which lines of the visit are in a part, in order."""
    return [at for at, route in enumerate(routed.routes) if route.part == part]


def _refusal(
    rejection: Rejection, part: int, scheme: str, routed: Routed
) -> errors.SettlementError:
    """Return why a part cannot be settled, its lines named by their places in the visit."""
    places = _places(routed, part)

    def moved(text: str) -> str:
        return _LINE.sub(lambda found: f"lines[{places[int(found[1])]}]", text)

    faults = tuple(replace(fault, path=moved(fault.path)) for fault in rejection.faults)
    message = f"scheme {scheme!r} of the visit: {moved(rejection.message)}"
    metadata = rejection.metadata | {"scheme": scheme}
    return replace(rejection, message=message, faults=faults, metadata=metadata).error()
