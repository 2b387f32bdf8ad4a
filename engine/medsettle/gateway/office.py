"""What the handlers of the gateway need beyond a request: the engine's desk and the directory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medsettle.core.messages import Message, MessageState
from medsettle.core.settlement import Attempt
from medsettle.gateway.directory import Directory
from medsettle.gateway.statement_terms import StatementTerms
from medsettle.gateway.turns import Turns
from medsettle.service.desk import Desk


@dataclass(frozen=True, slots=True)
class Office:
    """The bureau's side of the counter.

    `desk` is the one that the gRPC services use: claims of both wait in the same batches, and
    writes pass the same gate. `turns` keeps messages about one visit in order. With `signs_in`,
    what is asked under no sign-in of the day is refused. `statements` says how reconciliations are
    answered. Files are sent as they are, or with `files_enclosed` as base64 inside an envelope.
    """

    desk: Desk
    directory: Directory
    clock: Callable[[], datetime]
    signs_in: bool = True
    turns: Turns = field(default_factory=Turns)
    statements: StatementTerms = field(default_factory=StatementTerms)
    files_enclosed: bool = False

    def record(self, message: Message, decide: Callable[[], Mapping[str, Any]]) -> MessageState:
        """Return a message as recorded, once per msgid, with what `decide` answers to it.

        Raises:
            SettlementError: What `decide` raises, or as `medsettle.engine.messages` says.
        """
        return self.desk.write(lambda: self.desk.engine.messages.record(message, decide))

    def messages(self, subject: str) -> list[MessageState]:
        """Return what was told about a visit, a sign-in, a filing or a file, in order."""
        return self.desk.engine.messages.of([subject]).get(subject, [])

    def standing(self, institution: str, stem: str) -> list[Attempt]:
        """Return the settlements under a stem of settlement numbers that are not cancelled."""
        return [each for each in self.attempts(institution, stem) if each.cancel is None]

    def attempts(self, institution: str, stem: str) -> list[Attempt]:
        """Return every settlement under a stem, in order; the next has the next number."""
        return self.desk.engine.attempts.of(institution, stem)
