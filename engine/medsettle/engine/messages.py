"""Messages: what institutions tell where no money moves, recorded once and found by its subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from medsettle import errors, limits
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.messages import Decide, Message, MessageState, Told
from medsettle.engine.request_log import (
    OUTAGES,
    RECORDED_REFUSALS,
    Asked,
    RequestLog,
    raise_if_decided,
)
from medsettle.engine.requests import (
    code_faults,
    content_digest,
    sender_faults,
    settlement_id,
)
from medsettle.ledger.entries import Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_message, encode_message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Telling(NamedTuple):
    """A message to be recorded, how it is known again, and what decides its answer."""

    message: Message
    asked: Asked
    decide: Decide


@dataclass(frozen=True, slots=True)
class Messages:
    """Records messages of institutions, and finds them."""

    ledger: LedgerReader
    log: RequestLog

    def record(self, message: Message, decide: Decide) -> MessageState:
        """Return a message with its answer, after recording both in one commit, once per id.

        Args:
            message: What is told.
            decide: Returns the answer, of the values that JSON has. Nobody else records anything of
                the person or about the subject before the answer is recorded, so what it reads of
                them holds. May be called again where it looked at others besides.

        Raises:
            InvalidRequest: A code is malformed, or content and answer are larger than a message
                may be.
            RequestIdReused: The request id was used before with other content.
            RequestReversed: The request was reversed before it arrived.
            SettlementError: As `decide` raises it. `NotFound`, `Precondition` and their children
                are recorded, and raised again, marked duplicate, when the message comes again.
            LedgerUnavailable: Nothing was recorded.
        """
        (told,) = self.record_all([(message, decide)])
        if isinstance(told, errors.SettlementError):
            raise told
        return told

    def record_all(self, tellings: Sequence[tuple[Message, Decide]]) -> list[Told]:
        """Return what `record` returns or raises for each, after one durable commit of them all.

        Messages about the same person or subject are decided one after the other, each by what
        those before it recorded, so they take a commit each.

        Raises:
            LedgerUnavailable: Nothing was recorded of those that were to be committed together.
        """
        told: dict[int, Told] = {}
        waiting: dict[int, _Telling] = {}
        for at, (message, decide) in enumerate(tellings):
            try:
                waiting[at] = _Telling(message, _asked(message), decide)
            except errors.InvalidRequest as error:
                told[at] = error
        while waiting:
            part = _apart(waiting)
            told |= self._recorded(part)
            for at in part:
                del waiting[at]
        return [told[at] for at in range(len(tellings))]

    def _recorded(self, part: Mapping[int, "_Telling"]) -> dict[int, Told]:
        """Return the answers to messages that have nothing to do with one another."""

        def decide() -> dict[int, Told]:
            known = self.ledger.requests([each.asked.key for each in part.values()])
            told: dict[int, Told] = {}
            entries: dict[int, Entry] = {}
            answers: dict[int, Mapping[str, object]] = {}
            for at, each in part.items():
                found = known.get(each.asked.key)
                try:
                    if found is not None:
                        raise_if_decided(found, each.asked.digest)
                        told[at] = replace(_state(found), duplicate=True)
                        continue
                    answers[at] = each.decide()
                    entries[at] = self._entry(each, answers[at])
                except OUTAGES:
                    raise
                except errors.SettlementError as error:
                    told[at] = error
                    if found is None and isinstance(error, RECORDED_REFUSALS):
                        entries[at] = self.log.refusal(each.asked, error)
            if entries:
                first, moment = self.log.commit(list(entries.values()))
                for seq, at in enumerate(entries, first):
                    if at not in told:
                        told[at] = MessageState(part[at].message, answers[at], seq, moment)
            return told

        holders = {holder for each in part.values() for holder in each.asked.holders}
        return self.log.undisturbed(decide, holders)

    def _entry(self, telling: "_Telling", answer: Mapping[str, object]) -> Entry:
        message = telling.message
        record = encode_message(message, answer)
        if len(record) > limits.TOLD_BYTES_MAX:
            most = limits.TOLD_BYTES_MAX
            text = f"{len(record)} bytes as recorded, at most {most} are; send it in parts"
            raise errors.InvalidRequest([errors.Fault("content", text)])
        return Entry(
            kind="message",
            settlement=self.id_of(message),
            original=None,
            institution=message.institution,
            request_id=message.request_id,
            institution_settlement=None,
            pooling_area=message.pooling_area,
            person=message.person,
            service_day=day_number(service_day_of(self.log.now())),
            content_digest=telling.asked.digest,
            record=record,
            subject=message.subject,
        )

    @staticmethod
    def id_of(message: Message) -> str:
        """Return the id of a message: the same request, the same id.

        It has the letters and digits of the pooling area and twenty hex digits, 26 characters for
        an area of six, and may serve as the subject of something new that the message begins.
        """
        return settlement_id(message.pooling_area, message.institution, message.request_id)

    def get(self, message_id: str) -> MessageState | None:
        """Return the message that has an id, as `id_of` gives it; None where none has."""
        found = self.ledger.settlement(message_id)
        return _state(found) if found is not None and found.kind == "message" else None

    def of(self, subjects: Sequence[str]) -> dict[str, list[MessageState]]:
        """Return the messages about these subjects in ledger order; others are absent."""
        found = self.ledger.messages(subjects)
        return {subject: [_state(each) for each in told] for subject, told in found.items()}

    def of_person(self, pooling_area: str, person: str) -> list[MessageState]:
        """Return the messages about a person in ledger order, whoever told them."""
        holders = [(pooling_area, person)]
        return [_state(each) for each in self.ledger.events(holders, "message")]

    def find(self, institution: str, request_id: str) -> MessageState | None:
        """Return the message that was recorded under a request id; None where none was."""
        key = (institution, request_id)
        found = self.ledger.requests([key]).get(key)
        return _state(found) if found is not None and found.kind == "message" else None


def _apart(waiting: Mapping[int, _Telling]) -> dict[int, _Telling]:
    """Return the first messages that share no person, subject or request id with one before."""
    used: set[object] = set()
    apart: dict[int, _Telling] = {}
    for at, each in waiting.items():
        own: set[object] = {each.asked.key, *each.asked.holders}
        if used.isdisjoint(own):
            apart[at] = each
        # Whoever comes after one that waits waits too, so that none overtakes another.
        used |= own
    return apart


def _asked(message: Message) -> Asked:
    """Return how a message is known again.

    Raises:
        InvalidRequest: A code is malformed.
    """
    _check(message)
    return Asked(
        message.institution,
        message.request_id,
        _digest(message),
        message.pooling_area,
        message.person,
        message.subject,
    )


def _check(message: Message) -> None:
    faults = sender_faults(message.institution, message.request_id)
    faults += code_faults("kind", message.kind, limits.CODE_CHARS_MAX)
    faults += code_faults("subject", message.subject, limits.SUBJECT_CHARS_MAX)
    if message.person or message.pooling_area:
        # Who is known is known with an area; an area alone may be what is known.
        faults += code_faults("pooling_area", message.pooling_area, limits.CODE_CHARS_MAX)
    if message.person:
        faults += code_faults("person", message.person, limits.PERSON_CHARS_MAX)
    if faults:
        raise errors.InvalidRequest(faults)


def _digest(message: Message) -> bytes:
    """Return what a repetition of a message is known by.

    Through JSON and back, so that it is over what is recorded: a tuple is a list there.
    """
    content = {
        "kind": message.kind,
        "subject": message.subject,
        "pooling_area": message.pooling_area,
        "person": message.person,
        "content": message.content,
    }
    return content_digest("message", orjson.loads(orjson.dumps(content)))


def _state(recorded: Recorded) -> MessageState:
    moment = _EPOCH + timedelta(microseconds=recorded.create_time_us)
    message, answer = decode_message(recorded)
    return MessageState(message, answer, recorded.seq, moment)
