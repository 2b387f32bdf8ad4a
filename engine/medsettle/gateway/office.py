"""What the handlers of the gateway need beyond a request: the engine's desk and the directory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from medsettle import limits
from medsettle.core.making import Made, Making
from medsettle.core.messages import Decide, Message, MessageState, Told
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Attempt, Settlement
from medsettle.errors import SettlementError
from medsettle.gateway.directory import Directory
from medsettle.gateway.statement_terms import StatementTerms
from medsettle.service.batcher import Batcher
from medsettle.service.desk import Desk


@dataclass(slots=True)
class Office:
    """The bureau's side of the counter.

    `desk` is the one that the gRPC services use: writes of both pass the same gate to the same
    engine. With `signs_in`, what is asked under no sign-in of the day is refused. `statements` says
    how reconciliations are answered. Files are sent as they are, or with `files_enclosed` as base64
    inside an envelope.
    """

    desk: Desk
    directory: Directory
    clock: Callable[[], datetime]
    signs_in: bool = True
    statements: StatementTerms = field(default_factory=StatementTerms)
    files_enclosed: bool = False
    _telling: Batcher[tuple[Message, Decide], Told] | None = field(default=None, init=False)
    _settling: Batcher[Making, Made] | None = field(default=None, init=False)

    async def record(self, message: Message, decide: Decide) -> MessageState:
        """Return a message as recorded, once per msgid, with what `decide` answers to it.

        Messages of one moment share a commit.

        Raises:
            SettlementError: What `decide` raises, or as `medsettle.engine.messages` says.
            Overloaded: Too many messages wait.
        """
        if self._telling is None:
            self._telling = Batcher(self._record_all, quiet_turns=limits.GATEWAY_QUIET_TURNS)
        told = await self._telling.answer((message, decide))
        if isinstance(told, SettlementError):
            raise told
        return told

    async def settle(self, making: Making) -> Settlement | Rejection:
        """Return what a claim was settled to, or that its request was settled to before.

        It is made inside the write: nobody else tells anything of its visit meanwhile, whichever
        process asks. Claims of one moment share a commit.

        Raises:
            SettlementError: The claim cannot be made, or nothing was recorded.
            Overloaded: Too many claims wait.
        """
        if self._settling is None:
            self._settling = Batcher(self._settle_all, quiet_turns=limits.GATEWAY_QUIET_TURNS)
        made = await self._settling.answer(making)
        if isinstance(made, SettlementError):
            raise made
        return made

    def _settle_all(self, makings: Sequence[Making]) -> Sequence[Made]:
        return self.desk.write(lambda: self.desk.engine.settle_made(makings))

    def _record_all(self, tellings: Sequence[tuple[Message, Decide]]) -> Sequence[Told]:
        return self.desk.write(lambda: self.desk.engine.messages.record_all(tellings))

    def messages(self, subject: str) -> list[MessageState]:
        """Return what was told about a visit, a sign-in, a filing or a file, in order."""
        return self.desk.engine.messages.of([subject]).get(subject, [])

    def standing(self, institution: str, stem: str) -> list[Attempt]:
        """Return the settlements under a stem of settlement numbers that are not cancelled."""
        return [each for each in self.attempts(institution, stem) if each.cancel is None]

    def attempts(self, institution: str, stem: str) -> list[Attempt]:
        """Return every settlement under a stem, in order; the next has the next number."""
        return self.desk.engine.attempts.of(institution, stem)
