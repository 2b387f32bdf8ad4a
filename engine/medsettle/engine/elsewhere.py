"""What is recorded here of settlements that the engine of another area decides.

The place of care (就医地) splits the lines, asks the place of insurance (参保地), and records what
that answered; a hub keeps a copy of what passed. Such a copy has the amounts, versions and id of
the settlement that it copies, moves no counter of a benefit, and says whose book it stands in by
the column `side`. Only what the catalogue of the place of care limits for each person is counted
here.

The entry of the place of care under (institution, request id) decides what became of a request: a
settlement there means settled everywhere, a refusal or a tombstone settled nowhere. So everything
here looks at that entry first, and a copy that comes too late is not taken
([0034](../../decisions/0034-two-engines-and-one-record.md)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import TypeAlias

from medsettle import errors
from medsettle.core.counters import CounterKey
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.settlement import Row, Settlement
from medsettle.core.visits import Visit
from medsettle.engine.copies import (
    Copied,
    Side,
    copied_entries,
    holder_of,
    original_of,
    own_id_of,
    request_of,
    reversed_request_of,
    side_of,
    taking_back_digest,
    under_request,
)
from medsettle.engine.request_log import (
    OUTAGES,
    RECORDED_REFUSALS,
    Asked,
    RequestLog,
    raise_if_decided,
)
from medsettle.engine.requests import content_digest, from_record, named
from medsettle.engine.reversals import tombstone_entry
from medsettle.engine.undone_adjustments import with_adjustments_undone
from medsettle.engine.visit_entries import recorded_visit
from medsettle.ledger.entries import DECIDED_KINDS, Entry, Ledger, Recorded
from medsettle.ledger.records import decode_settlement
from medsettle.logs import events as logged
from medsettle.logs import say


class Standing(Enum):
    """What the place of care says of something that the place of insurance recorded."""

    AGREED = auto()
    NOT_TAKEN = auto()
    PENDING = auto()


@dataclass(frozen=True, slots=True)
class Taking:
    """An answer of the place of insurance that is to be recorded at the place of care.

    `asked` is the request of the institution and `claim` what it sent; `used` is what the claim
    adds to the counters of items whose quantity the catalogue here limits. A cancel has neither
    claim nor use. `as_sent` are the bytes of an answer with fields that are not known here.
    """

    asked: Asked
    answer: Copied
    claim: Row | None = None
    used: tuple[tuple[CounterKey, int], ...] = ()
    as_sent: bytes | None = None


Taken: TypeAlias = Settlement | Visit | errors.SettlementError
"""What was recorded, placed in this ledger, or why an answer was not taken."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Keeps copies of what other engines decide; the ledger and log are those of the engine."""

    ledger: Ledger
    log: RequestLog

    # --- the place of care -----------------------------------------------------------------

    def known(self, asked: Asked) -> Copied | None:
        """Return what is recorded here under a request id; None where nothing is.

        Raises:
            RequestReversed: The request was reversed before it arrived.
            RequestIdReused: The id was used with other content.
            SettlementError: The request was refused, and is so again, marked duplicate.
        """
        recorded = self.ledger.requests([asked.key]).get(asked.key)
        if recorded is None:
            return None
        raise_if_decided(recorded, asked.digest)
        return self._copied(recorded, duplicate=True)

    def refuse_used_number(self, institution: str, number: object) -> None:
        """Raise where the institution's own number is a recorded settlement's already.

        Raises:
            DuplicateSettlement: It is; a cancel does not free it.
        """
        if number is None:
            return
        key = (institution, str(number))
        used = self.ledger.institution_settlements([key]).get(key)
        if used is not None:
            raise _used_number(key[1], used)

    def refuse(self, asked: Asked, error: errors.SettlementError) -> None:
        """Record why a request was refused, where such a refusal is kept and nothing is known."""
        if not isinstance(error, RECORDED_REFUSALS):
            return

        def decide() -> None:
            if asked.key not in self.ledger.requests([asked.key]):
                self.log.commit([self.log.refusal(asked, error)])

        self.log.undisturbed(decide, asked.holders)

    def take(self, takings: Sequence[Taking]) -> list[Taken]:
        """Record answers of places of insurance in one durable commit.

        Returns:
            What was recorded, or the error by which an answer was not taken: its request was
            reversed or refused here meanwhile, and the place of insurance has to take it back.

        Raises:
            LedgerUnavailable: Nothing was recorded.
        """

        def decide() -> list[Taken]:
            told: dict[int, Taken] = {}
            entries: list[Entry] = []
            places: dict[int, int] = {}
            numbers: dict[tuple[str, str], str] = {}
            known = self.ledger.requests([each.asked.key for each in takings])
            for at, taking in enumerate(takings):
                try:
                    recorded = known.get(taking.asked.key)
                    if recorded is not None:
                        raise_if_decided(recorded, taking.asked.digest)
                        told[at] = self._copied(recorded, duplicate=True)
                        continue
                    first = len(entries)
                    entries += self._entries(taking, numbers)
                    places[at] = first
                except OUTAGES:
                    raise
                except errors.SettlementError as error:
                    told[at] = error
            if entries:
                self.log.commit(entries)
            for at, place in places.items():
                if at not in told:
                    found = self.ledger.settlement(entries[place].settlement)
                    assert found is not None, "it was recorded a moment ago"
                    told[at] = self._copied(found)
            return [told[at] for at in range(len(takings))]

        holders = {holder for each in takings for holder in each.asked.holders}
        return self.log.undisturbed(decide, holders)

    def _entries(self, taking: Taking, numbers: dict[tuple[str, str], str]) -> list[Entry]:
        """Return the entries of an answer; `numbers` has those of claims before it in the commit.

        Raises:
            DuplicateSettlement: The institution's own number is used.
            NotFound: There is nothing here to take back.
        """
        claim = taking.claim
        if claim is not None:
            institution, number = taking.asked.institution, claim["institution_settlement"]
            self.refuse_used_number(institution, number)
            if number is not None:
                key, own_id = (institution, str(number)), own_id_of(taking.answer)
                if numbers.setdefault(key, own_id) != own_id:
                    raise _used_number(key[1], numbers[key])
        else:
            original = self.ledger.settlement(str(original_of(taking.answer)))
            if original is None or self.ledger.cancel_of(original.settlement) is not None:
                raise errors.NotFound(
                    f"what {own_id_of(taking.answer)} takes back is not recorded here, or was "
                    "taken back before",
                    settlement=str(original_of(taking.answer)),
                )
        entries = copied_entries(
            taking.answer,
            Side.CARE,
            digest=taking.asked.digest,
            claim=claim,
            used=taking.used,
            originals=self._originals(taking.answer),
            as_sent=taking.as_sent,
        )
        return with_adjustments_undone(self.ledger, entries)

    def _originals(self, record: Copied) -> dict[str, Recorded]:
        """Return the entries here of the settlements that a record takes back."""
        parts = record.settlements if isinstance(record, Visit) else (record,)
        taken = [each for part in parts if (each := original_of(part)) is not None]
        found = {each: self.ledger.settlement(each) for each in taken}
        return {each: entry for each, entry in found.items() if entry is not None}

    def withdraw(self, institution: str, request_id: str) -> bool:
        """Let a request never settle unless it is settled here; return whether it never will.

        A tombstone is put under its id where nothing is recorded.
        """
        key = (institution, request_id)

        def decide() -> bool:
            recorded = self.ledger.requests([key]).get(key)
            if recorded is not None:
                return recorded.kind in DECIDED_KINDS
            digest, day = _withdrawal_digest(request_id), day_number(service_day_of(self.log.now()))
            self.log.commit([tombstone_entry(institution, request_id, digest, day)])
            return True

        return self.log.undisturbed(decide, ())

    def withdraw_all(self, keys: Sequence[tuple[str, str]]) -> None:
        """Let requests never settle that are not decided here, in one durable commit."""

        def decide() -> None:
            known = self.ledger.requests(keys)
            day = day_number(service_day_of(self.log.now()))
            fresh = [
                tombstone_entry(*key, _withdrawal_digest(key[1]), day)
                for key in dict.fromkeys(keys)
                if key not in known
            ]
            if fresh:
                self.log.commit(fresh)

        self.log.undisturbed(decide, ())

    def standing(self, delivered: Copied) -> Standing:
        """Return what became here of something that the place of insurance recorded.

        What is not recorded here is decided by this question: a settlement is withdrawn, and a
        cancel, which the place of insurance has accepted and is final, is recorded.
        """
        own_id, original = own_id_of(delivered), original_of(delivered)
        # A refusal of the request is recorded under the id that its settlement would have.
        if self.copy_of(own_id) is not None:
            return Standing.AGREED
        if original is None:
            institution, request_id = request_of(delivered)
            if not self.withdraw(institution, request_id):
                say(logged.OTHER_ENTRY, request_id=request_id, settlement=own_id)
            return Standing.NOT_TAKEN
        # What another area delivers takes back its own alone.
        first = self.copy_of(original)
        if first is None or self.ledger.cancel_of(original) is not None:
            # There is nothing here to take back, and there never will be.
            reversed_request = reversed_request_of(delivered)
            if first is None and reversed_request is not None:
                self.withdraw(request_of(delivered)[0], reversed_request)
            return Standing.AGREED
        if holder_of(delivered) != (first.pooling_area, first.person):
            # What another area decided: it is not theirs to take back.
            say(logged.CANCEL_NOT_RECORDED, settlement=own_id, reason=errors.NotFound.reason)
            return Standing.PENDING
        digest = taking_back_digest(delivered, original)
        asked = Asked(*request_of(delivered), digest, first.pooling_area, first.person)
        (taken_back,) = self.take([Taking(asked, delivered)])
        if isinstance(taken_back, errors.RequestReversed | errors.RequestIdReused):
            # What the place of insurance accepted is final, whatever was decided of its id here
            # while nobody here knew of it.
            own = f"fin-{sha256(own_id.encode()).hexdigest()[:24]}"
            under = under_request(delivered, own)
            (taken_back,) = self.take([Taking(asked._replace(request_id=own), under)])
        if isinstance(taken_back, errors.SettlementError):
            say(logged.CANCEL_NOT_RECORDED, settlement=own_id, reason=taken_back.reason)
            return Standing.PENDING
        return Standing.AGREED

    def is_unheard_of(self, delivered: Copied) -> bool:
        """Return whether nothing decides a delivered settlement yet: asking decides it."""
        key = request_of(delivered)
        return original_of(delivered) is None and not self.ledger.requests([key])

    def copy_of(self, record: str) -> Recorded | None:
        """Return the entry of a settlement or visit of which this book is the place of care's."""
        recorded = self.ledger.settlement(record)
        if recorded is None or side_of(recorded) is not Side.CARE:
            return None
        return recorded

    def copy_under(self, institution: str, request_id: str) -> Recorded | None:
        """Return that entry by the request that made it."""
        recorded = self.ledger.requests([(institution, request_id)]).get((institution, request_id))
        if recorded is None or recorded.kind in DECIDED_KINDS or side_of(recorded) is not Side.CARE:
            return None
        return recorded

    # --- a hub -----------------------------------------------------------------------------

    def keep(self, delivered: Sequence[Copied], as_sent: Sequence[bytes | None]) -> list[bool]:
        """Keep a copy of each record that is not kept yet, in one durable commit.

        Returns:
            Whether each is kept now. What takes back something that is not kept is not: its
            original is delivered too, and it has to come again after that.

        Raises:
            LedgerUnavailable: Nothing was recorded.
        """

        def decide() -> list[bool]:
            kept: list[bool] = []
            entries: list[Entry] = []
            there: set[str] = set()
            for each, sent in zip(delivered, as_sent, strict=True):
                own_id, original = own_id_of(each), original_of(each)
                if own_id in there or self._is_kept(own_id):
                    kept.append(True)
                    continue
                first = None if original is None else self._kept(original)
                kept.append(original is None or first is not None or original in there)
                if not kept[-1]:
                    continue
                digest = content_digest("kept", {"record": own_id})
                copied = copied_entries(each, Side.HUB, digest=digest, as_sent=sent)
                entries += with_adjustments_undone(self.ledger, copied)
                there.add(own_id)
            if entries:
                self.log.commit(entries)
            return kept

        return self.log.undisturbed(decide, {holder_of(each) for each in delivered})

    def _kept(self, record: str) -> Recorded | None:
        """Return the copy that a hub has of a record."""
        found = self.ledger.settlement(record)
        return None if found is None or side_of(found) is not Side.HUB else found

    def _is_kept(self, record: str) -> bool:
        return self._kept(record) is not None

    # --- reading ---------------------------------------------------------------------------

    def recorded(self, entry: str, *, duplicate: bool = False) -> Copied:
        """Return a recorded settlement or visit, or the record that took one back.

        Raises:
            NotFound: Nothing is recorded under that id.
        """
        found = self.ledger.settlement(entry)
        if found is None:
            raise errors.NotFound(f"nothing is recorded as {entry!r}; check the id", entry=entry)
        return self._copied(found, duplicate=duplicate)

    def _copied(self, recorded: Recorded, *, duplicate: bool = False) -> Copied:
        if recorded.kind in {"visit", "visit_cancel"}:
            return recorded_visit(self.ledger, recorded, duplicate=duplicate)
        if recorded.kind == "settle":
            return from_record(self.ledger, recorded, duplicate=duplicate)
        if recorded.kind == "cancel":
            return decode_settlement(recorded, duplicate=duplicate)
        raise errors.RequestIdReused(
            f"request id {recorded.request_id!r} was used before for {recorded.kind} "
            f"{recorded.settlement}; a new request needs a new id",
            request_id=recorded.request_id,
            **named(recorded),
        )


def _withdrawal_digest(request_id: str) -> bytes:
    return content_digest("withdrawal", {"original_request_id": request_id})


def _used_number(number: str, settlement: str) -> errors.DuplicateSettlement:
    return errors.DuplicateSettlement(
        f"institution settlement {number!r} is recorded as {settlement} under another request id; "
        "use a new number, which a cancel does not free",
        institution_settlement=number,
        settlement=settlement,
    )
