"""One engine with the rules of all areas, fed with what a place of insurance decided, in its order.

It has no network, no copies and no faults: whatever two engines and a hub did, what the place of
insurance recorded must be what this gives, and leave every person with the same account and
counters. What was taken back at the place of insurance is taken back here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from medsettle.core.settlement import PersonState, Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.errors import SettlementError
from medsettle.errors.reasons import rebuilt
from medsettle.ledger.entries import DECIDED_KINDS, SETTLEMENT_KINDS, Recorded
from medsettle.ledger.records import decode_settlement
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.acknowledged import Key
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.torture.provinces_books import settlement_facts
from medsettle.torture.requests import Request, replayed

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class HomeModel:
    """The sequential model of one place of insurance; feed it each entry once."""

    def __init__(self, book: RuleBook, area: str) -> None:
        """Begin with an empty ledger.

        Args:
            book: The rules of all areas.
            area: The place of insurance.
        """
        self._area = area
        self._moment_us = 0
        self._engine = Engine(book, MemoryLedger(), self._clock)
        # By the ids of the real ledger.
        self._ours: dict[str, str] = {}
        # Of the visit that came last: each part is of an insurance type of its own.
        self._parts: dict[object, Settlement] = {}

    def _clock(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._moment_us)

    def person(self, person: str) -> PersonState:
        """Return what a person of the area has."""
        return self._engine.person(self._area, person)

    def follow(self, entries: Sequence[Recorded], sent: Mapping[Key, Request]) -> Iterator[str]:
        """Do what these entries record, and yield where something else comes of it.

        Args:
            entries: The next entries of the ledger of the place of insurance.
            sent: The requests of all institutions, by their ids.
        """
        for entry in entries:
            if entry.pooling_area != self._area or entry.kind in DECIDED_KINDS:
                continue
            self._moment_us = entry.create_time_us
            recorded = decode_settlement(entry) if entry.kind in SETTLEMENT_KINDS else None
            if recorded is not None and recorded.columns["visit"] is not None:
                # A part comes with its visit, whose entry stands before.
                yield from self._part_faults(entry, recorded)
                continue
            try:
                told = self._done(entry, sent)
            except SettlementError as error:
                told = error
            if told is None:
                yield f"{_named(entry)} cannot be: nobody asked for it"
            elif isinstance(told, SettlementError):
                yield f"{_named(entry)} cannot be: {told.reason} {told.message}"
            elif recorded is not None and isinstance(told, Settlement):
                yield from _differences(entry, recorded, told)

    def _done(self, entry: Recorded, sent: Mapping[Key, Request]) -> object:
        """Return what comes of an entry here; None where no request is known that made it."""
        key = (entry.institution, entry.request_id)
        if entry.kind in {"cancel", "visit_cancel"}:
            original = self._ours.get(str(entry.original))
            if original is None:
                return None
            if entry.kind == "cancel":
                return self._keep(entry, self._engine.cancel(*key, original))
            return self._keep(entry, self._engine.visits.cancel(*key, original))
        request = sent.get(key)
        if request is None:
            return None
        answer = replayed(self._engine, request)
        if not answer.done:
            return rebuilt(answer.reason, answer.message, {})
        return self._keep(entry, answer.told)

    def _keep(self, entry: Recorded, told: object) -> object:
        if isinstance(told, Settlement):
            self._ours[entry.settlement] = str(told.columns["settlement"])
        elif isinstance(told, Visit):
            self._ours[entry.settlement] = str(told.visit)
            self._parts = {each.columns["insurance_type"]: each for each in told.settlements}
        return told

    def _part_faults(self, entry: Recorded, recorded: Settlement) -> Iterator[str]:
        insurance_type = recorded.columns["insurance_type"]
        part = self._parts.pop(insurance_type, None)
        if part is None:
            yield f"{_named(entry)} cannot be: its visit has no part of {insurance_type}"
            return
        self._ours[entry.settlement] = str(part.columns["settlement"])
        yield from _differences(entry, recorded, part)


def _named(entry: Recorded) -> str:
    return f"entry {entry.seq} ({entry.kind} {entry.institution}/{entry.request_id})"


def _differences(entry: Recorded, recorded: Settlement, told: Settlement) -> Iterator[str]:
    ids = {"original", "visit"}
    found, due = dict(settlement_facts(recorded)), dict(settlement_facts(told))
    for name in (each for each in found | due if each not in ids):
        if found.get(name) != due.get(name):
            yield f"{_named(entry)}: {name} is {found.get(name)!r}, due is {due.get(name)!r}"
