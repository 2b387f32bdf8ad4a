"""One answer for each request id, of every kind of write but the batches of claims.

A write is asked for under (institution, request id). What was recorded under that id answers it; a
refusal is recorded like everything else, in a durable commit of its own before the caller hears of
it, and repeated from then on. Batches of claims keep to the same rules in `engine.requests`, where
many requests are one commit.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from medsettle import errors, limits, phases
from medsettle.core.dates import day_number, microseconds, service_day_of
from medsettle.core.outcome import DUPLICATE
from medsettle.core.request_states import Refusal
from medsettle.engine.requests import refusal_entry, request_reversed, reused
from medsettle.errors.reasons import rebuilt
from medsettle.ledger.entries import (
    Entry,
    Holder,
    Ledger,
    Overtaken,
    Recorded,
    message_holder,
)
from medsettle.ledger.records import decode_refusal

Answer = TypeVar("Answer")


# What may pass: the state of things. A malformed request and an id or a number that is taken stay
# what they are, and a server that is away has decided nothing.
OUTAGES: Final = (errors.LedgerUnavailable, errors.InternalError)
"""After these nobody knows what was recorded; they end a batch, and are nobody's answer alone."""

RECORDED_REFUSALS: Final = (errors.NotFound, errors.Precondition)


class Asked(NamedTuple):
    """A write by its id and the digest of its content.

    Area and person are those it is about, empty where only a record would tell; `subject` is what
    a message is about, and empty for everything else.
    """

    institution: str
    request_id: str
    digest: bytes
    pooling_area: str = ""
    person: str = ""
    subject: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Under which it is recorded."""
        return self.institution, self.request_id

    @property
    def holders(self) -> set[Holder]:
        """Whose entries it is known to change."""
        found = {(self.pooling_area, self.person)} if self.person else set[Holder]()
        return found | {message_holder(self.subject)} if self.subject else found


@dataclass(frozen=True, slots=True)
class RequestLog:
    """Answers writes once, and commits what they record.

    `clock` returns the present moment with a time zone; it dates records and decides no rule.
    """

    ledger: Ledger
    clock: Callable[[], datetime]

    def answer(
        self, asked: Asked, act: Callable[[], Answer], recorded: Callable[[Recorded], Answer]
    ) -> Answer:
        """Return the answer to a write, from the record where there is one.

        Args:
            asked: The write, well formed.
            act: Does it and returns its answer, after its commit.
            recorded: Returns the answer, marked duplicate, of the entry that the same write made.

        Raises:
            RequestIdReused: The id was used before with other content.
            RequestReversed: The request was reversed before it arrived.
            SettlementError: As `act` raises it. `NotFound`, `Precondition` and their children are
                recorded, and raised again, marked duplicate, when the same write comes again.
            LedgerUnavailable: Nothing was recorded.
        """
        return self.answer_about(asked, lambda: None, lambda _: act(), recorded)

    def answer_about(
        self,
        asked: Asked,
        find: Callable[[], Recorded | None],
        act: Callable[[Recorded | None], Answer],
        recorded: Callable[[Recorded], Answer],
    ) -> Answer:
        """Return the answer to a write that takes an entry back, as `answer` does.

        Args:
            asked: The write, well formed.
            find: Returns the original, if it is there. Whose it is never changes, and is kept from
                others before anything else of it is read: a refusal, too, is of one moment.
            act: Takes back what was found, and returns its answer, after its commit.
            recorded: As for `answer`.

        Raises:
            As `answer`.
        """
        kept = _holders(find()) | asked.holders

        def decide() -> Answer:
            known = self.ledger.requests([asked.key]).get(asked.key)
            if known is not None:
                raise_if_decided(known, asked.digest)
                return recorded(known)
            original = find()
            # It may have been recorded since it was looked for, and then nobody is kept away yet.
            if late := _holders(original) - kept:
                kept.update(late)
                raise Overtaken(f"{asked.request_id} takes back what was not there before", late)
            try:
                return act(original)
            except RECORDED_REFUSALS as error:
                self.commit([self.refusal(asked, error)])
                raise

        return self.undisturbed(decide, frozenset(kept))

    def undisturbed(
        self,
        decide: Callable[[], Answer],
        holders: Iterable[Holder],
        reading: Iterable[Holder] = (),
    ) -> Answer:
        """Return what a write is decided to, while no other process changes what it rests on.

        Args:
            decide: Reads, decides and commits; done once more where it looked further than was
                known before, or another process recorded the same request meanwhile.
            holders: Whose entries and counters it is known to change: (pooling area, person).
            reading: Whom it is known to look at besides.

        Raises:
            InternalError: It was overtaken every time, which only a bug of ours explains: the
                second time it knows what it was overtaken by. Nothing was recorded.
        """
        kept, looked_at, last = set(holders), set(reading), ""
        for _ in range(limits.WRITE_ATTEMPTS_MAX):
            try:
                with self.ledger.writing(kept, looked_at):
                    return decide()
            except Overtaken as overtaken:
                kept |= overtaken.holders
                looked_at |= overtaken.reading
                last = overtaken.message
        raise errors.InternalError(
            f"a write was overtaken {limits.WRITE_ATTEMPTS_MAX} times, at last since {last}",
            attempts=str(limits.WRITE_ATTEMPTS_MAX),
        )

    def refusal(self, asked: Asked, error: errors.SettlementError) -> Entry:
        """Return the entry that keeps why a write was refused."""
        refusal = Refusal(error.reason, error.message, error.metadata)
        day = day_number(service_day_of(self.now()))
        return refusal_entry(
            asked.key, asked.digest, (asked.pooling_area, asked.person), day, refusal
        )

    def commit(self, entries: Sequence[Entry]) -> tuple[int, datetime]:
        """Return the place of the first entry and the moment, after one durable commit."""
        moment = self.now()
        phases.enter(phases.COMMIT)
        first = self.ledger.append(entries, microseconds(moment))
        phases.enter(phases.ANSWER)
        return first, moment

    def now(self) -> datetime:
        """Return the present moment in UTC, by the clock of the engine."""
        moment = self.clock()
        assert moment.tzinfo is not None, "a clock needs a time zone"
        return moment.astimezone(UTC)


def _holders(original: Recorded | None) -> set[Holder]:
    """Return whose entries an original is among; a refusal or a tombstone may be nobody's."""
    if original is None or not original.person:
        return set()
    return {(original.pooling_area, original.person)}


def raise_if_decided(known: Recorded, digest: bytes) -> None:
    """Raise what a recorded id has for a write that did not make an entry under it.

    Raises:
        RequestReversed: It was reversed before it arrived.
        RequestIdReused: It was used with other content.
        SettlementError: It was refused.
    """
    if known.kind == "tombstone":
        raise request_reversed(known).error()
    if known.content_digest != digest:
        raise reused(known)
    if known.kind == "refusal":
        refusal = decode_refusal(known)
        raise rebuilt(refusal.reason, refusal.message, refusal.metadata | DUPLICATE)
