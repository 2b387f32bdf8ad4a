"""What the services ask of the parts of an engine, each by its own protocol."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from medsettle.core.cards import Card, CardEvent, CardInquiry
from medsettle.core.claims import ClaimBatch
from medsettle.core.enquiries import Overview, StatedFacts
from medsettle.core.hindsight import Comparison
from medsettle.core.messages import Decide, Message, MessageState, Told
from medsettle.core.reconciliation import (
    Days,
    Difference,
    Stated,
    StatedRow,
    Totals,
    Verdict,
)
from medsettle.core.relatives import Person, Relation
from medsettle.core.settlement import (
    Attempt,
    Holder,
    Settlement,
)
from medsettle.core.statements import Movement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit


class Cards(Protocol):
    """What the service asks of an engine about cards."""

    def record(self, event: CardEvent) -> Card:
        """Return a card after recording what happened to it."""
        ...

    def get(self, pooling_area: str, card: str) -> Card:
        """Return a card as it is now, or raise `NotFound`."""
        ...

    def events(self, pooling_area: str, card: str) -> Sequence[CardEvent]:
        """Return what happened to a card."""
        ...

    def check(self, pooling_area: str, card: str, moment: datetime | None = None) -> CardInquiry:
        """Return whether a card is valid at a moment."""
        ...


class Visits(Protocol):
    """What the service asks of `medsettle.engine.visits.Visits`."""

    def preview(self, claims: ClaimBatch) -> Visit:
        """Return what a visit would be settled to; nothing is recorded."""
        ...

    def settle(self, claims: ClaimBatch) -> Visit:
        """Return a visit after recording every part in one commit."""
        ...

    def cancel(self, institution: str, request_id: str, visit: str) -> Visit:
        """Return the record that takes a whole visit back."""
        ...

    def get(self, visit: str) -> Visit:
        """Return a recorded visit, or raise `NotFound`."""
        ...


class Registrations(Protocol):
    """What the service asks of `medsettle.engine.registrations.Registrations`."""

    def record(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration after recording it, once per request id."""
        ...

    def held(self, pooling_area: str, holder: str) -> list[RegistrationState]:
        """Return the registrations of a person, the latest of each kind and number."""
        ...


class Enquiries(Protocol):
    """What the service asks of `medsettle.engine.enquiries.Enquiries`."""

    def overview(self, person: Person, facts: StatedFacts) -> Overview:
        """Return what is held of a person now."""
        ...


class Messages(Protocol):
    """What the service asks of `medsettle.engine.messages.Messages`."""

    def record_all(self, tellings: Sequence[tuple[Message, Decide]]) -> Sequence[Told]:
        """Return messages with their answers, recorded once per request id, or why they are not."""
        ...

    def id_of(self, message: Message) -> str:
        """Return the id of a message, which may serve as a subject."""
        ...

    def get(self, message_id: str) -> MessageState | None:
        """Return the message that has an id."""
        ...

    def of(self, subjects: Sequence[str]) -> dict[str, list[MessageState]]:
        """Return the messages about these subjects in ledger order."""
        ...

    def of_person(self, pooling_area: str, person: str) -> list[MessageState]:
        """Return the messages about a person in ledger order."""
        ...

    def find(self, institution: str, request_id: str) -> MessageState | None:
        """Return the message that was recorded under a request id."""
        ...


class Statements(Protocol):
    """What the service asks of `medsettle.engine.statements.Statements`."""

    def account(self, person: Person, *, after_seq: int, limit: int) -> list[Movement]:
        """Return the movements of a person's account after a ledger place, in order."""
        ...

    def limit_uses(self, relation: Relation, *, after_seq: int, limit: int) -> list[Movement]:
        """Return the uses of a relative's limit after a ledger place, or raise `NotFound`."""
        ...


class Hindsight(Protocol):
    """What the service asks of `medsettle.engine.hindsight.Hindsight`."""

    def without(self, settlement: str) -> Comparison:
        """Return later settlements as recorded, and as they would be without one."""
        ...


class Attempts(Protocol):
    """What the gateway asks of `medsettle.engine.attempts.Attempts`."""

    def of(self, institution: str, stem: str) -> list[Attempt]:
        """Return the settlements under the numbers `stem.0`, `stem.1` and so on, in order."""
        ...


class InstitutionDays(Protocol):
    """What the gateway asks of `medsettle.engine.institution_days.InstitutionDays`."""

    def holder_of(self, record: str) -> Holder | None:
        """Return whose a settlement, visit or other entry is; None where none has that id."""
        ...

    def totals(self, days: Days) -> Totals:
        """Return the sums of everything that belongs to the days, cancels negative."""
        ...

    def judged(self, days: Days, stated: Stated) -> tuple[Verdict, Totals]:
        """Return whether the sums that an institution states are ours, and ours."""
        ...

    def differences(
        self, days: Days, rows: Sequence[StatedRow], encounter_of: Callable[[Settlement], str]
    ) -> list[Difference]:
        """Return the rows in which an institution and the ledger differ."""
        ...

    def away(self, days: Days) -> list[Settlement]:
        """Return what belongs to the days and was not cancelled within them."""
        ...
