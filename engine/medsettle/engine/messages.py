"""Messages: what institutions tell where no money moves, recorded once and found by its subject."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from medsettle import errors, limits
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.messages import Message, MessageState
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import (
    code_faults,
    content_digest,
    sender_faults,
    settlement_id,
)
from medsettle.ledger.entries import Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_message, encode_message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Messages:
    """Records messages of institutions, and finds them."""

    ledger: LedgerReader
    log: RequestLog

    def record(self, message: Message, decide: Callable[[], Mapping[str, object]]) -> MessageState:
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
        _check(message)
        asked = Asked(
            message.institution,
            message.request_id,
            _digest(message),
            message.pooling_area,
            message.person,
            message.subject,
        )
        return self.log.answer(
            asked,
            lambda: self._record(message, asked, decide()),
            lambda found: replace(_state(found), duplicate=True),
        )

    def _record(self, message: Message, asked: Asked, answer: Mapping[str, object]) -> MessageState:
        record = encode_message(message, answer)
        if len(record) > limits.TOLD_BYTES_MAX:
            most = limits.TOLD_BYTES_MAX
            text = f"{len(record)} bytes as recorded, at most {most} are; send it in parts"
            raise errors.InvalidRequest([errors.Fault("content", text)])
        entry = Entry(
            kind="message",
            settlement=self.id_of(message),
            original=None,
            institution=message.institution,
            request_id=message.request_id,
            institution_settlement=None,
            pooling_area=message.pooling_area,
            person=message.person,
            service_day=day_number(service_day_of(self.log.now())),
            content_digest=asked.digest,
            record=record,
            subject=message.subject,
        )
        seq, moment = self.log.commit([entry])
        return MessageState(message, answer, seq, moment)

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
