"""The desk of a command that names a server."""

from collections.abc import Iterator, Sequence

from medsettle import errors
from medsettle.cli.desks import Answer, Cards
from medsettle.client import Client
from medsettle.core.enquiries import EnquiryDesk
from medsettle.core.hindsight import Comparison
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.core.relatives import RelativesDesk
from medsettle.core.request_states import RequestDesk
from medsettle.core.settlement import Explanation, Opening, PersonState, Row, Settlement
from medsettle.core.visits import RegistrationRequest, RegistrationState, Visit


class RemoteDesk:
    """Settles at a server, one call a claim, each safe to repeat by its request id."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.relatives: RelativesDesk = client.relatives
        self.cards: Cards = client.cards
        self.enquiries: EnquiryDesk = client.enquiries
        self.requests: RequestDesk = client

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order."""
        for row in rows:
            try:
                yield self._client.preview(row) if preview else self._client.settle(row)
            except errors.SettlementError as error:
                yield rejection_of(error)

    def recorded(self, settlement: str) -> Settlement:
        """Return the settlement with this id."""
        return self._client.get(settlement)

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        return self._client.explain(settlement)

    def without(self, settlement: str) -> Comparison:
        """Return what later settlements would have been without one."""
        return self._client.compare_without(settlement)

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        return self._client.cancel(settlement, institution=institution, request_id=request_id)

    def visit(self, row: Row, *, preview: bool) -> Visit:
        """Return a visit as settled over several schemes, or as it would be."""
        visits = self._client.visits
        return visits.preview(row) if preview else visits.settle(row)

    def recorded_visit(self, visit: str) -> Visit:
        """Return the visit with this id."""
        return self._client.visits.get(visit)

    def cancel_visit(self, visit: str, institution: str, request_id: str) -> Visit:
        """Return the visit that takes one back."""
        return self._client.visits.cancel(visit, institution=institution, request_id=request_id)

    def register(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration as recorded."""
        return self._client.registrations.record(request)

    def registrations(self, pooling_area: str, holder: str) -> list[RegistrationState]:
        """Return the registrations held of a person, in ledger order."""
        return list(self._client.registrations.held(pooling_area, holder))

    def open_person(self, opening: Opening) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        return self._client.open_person(opening)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        # The API names no cancel by its original: what the person had here is looked through.
        had = self._client.list(
            pooling_area=str(claim["pooling_area"]),
            institution=str(claim["institution"]),
            person=str(claim["person"]),
        )
        return any(each.columns["original"] == settlement for each in had)


def rejection_of(error: errors.SettlementError) -> Rejection:
    """Return the rejection behind an error of a single-claim call; other errors go on.

    Raises:
        SettlementError: The error says nothing about the claim, but about the call.
    """
    if isinstance(error, errors.InvalidRequest):
        return invalid(error.faults)
    for outcome in Outcome:
        if outcome.name == error.reason:
            said = dict(error.metadata)
            duplicate = said.pop("duplicate", None) is not None
            return Rejection(outcome, error.message, metadata=said, duplicate=duplicate)
    raise error
