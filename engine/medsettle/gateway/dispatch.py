"""One request from its bytes to the bytes of its answer."""

from collections.abc import Iterable
from datetime import datetime
from time import perf_counter
from typing import NamedTuple

from medsettle import errors, limits
from medsettle.errors import Fault, InternalError, InvalidRequest, SettlementError
from medsettle.gateway import registry, signing
from medsettle.gateway.envelope import DONE, Envelope, References, read_envelope, write_envelope
from medsettle.gateway.fields import write_nodes
from medsettle.gateway.office import Office
from medsettle.gateway.reading import read_nodes
from medsettle.gateway.refusals import err_detail_of, err_msg_of, infcode_of
from medsettle.gateway.signatures import ANYBODY, Client
from medsettle.gateway.transactions import Answer, Asked, Transaction
from medsettle.identity.principals import principal_of
from medsettle.identity.roles import Role
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.service import measuring
from medsettle.service.call_watch import Seen
from medsettle.service.measuring import Way


class Reply(NamedTuple):
    """The body of a response: an envelope, or, where `is_file`, the bytes of a file."""

    body: bytes
    is_file: bool = False


class Dispatch:
    """Answers requests. Whatever is sent, the answer is an envelope, or the file asked for."""

    def __init__(self, office: Office, transactions: Iterable[Transaction]) -> None:
        """Answer these transactions at an office."""
        self._office = office
        self._transactions = registry.by_number(transactions)
        self._references = References()

    async def answer(self, body: bytes, infno: str | None = None) -> bytes:
        """Return the body of the response to a request; see `reply`."""
        return (await self.reply(body, infno)).body

    async def reply(self, body: bytes, infno: str | None = None, client: Client = ANYBODY) -> Reply:
        """Return the response to a request.

        Args:
            body: What was posted.
            infno: The transaction that the path names, if it names one.
            client: Who signed the request.
        """
        received, begun = self._office.clock(), perf_counter()
        watch = self._office.desk.watch
        seen = None if watch is None else watch.begin(Way.GATEWAY, measuring.UNKNOWN, "", None)
        envelope: Envelope | None = None
        refusal: SettlementError
        try:
            envelope = read_envelope(body, infno)
            if seen is not None:
                seen.request_id = envelope.msgid
            with self._office.desk.call():
                transaction, answer = await self._answered(envelope, client)
            reply = self._done(envelope, received, transaction, answer)
        except SettlementError as error:
            refusal = error
        except Exception as bug:
            # The outermost edge: whatever it is, the caller must not see its text.
            number = measuring.UNKNOWN if envelope is None else self._number(envelope)
            say(logged.CALL_BUG, bug, way=Way.GATEWAY.value, method=number)
            refusal = InternalError("The call failed; nothing was acknowledged.")
        else:
            self._measure(envelope, measuring.OK, begun, client, seen)
            return reply
        self._measure(envelope, refusal.reason, begun, client, seen)
        return Reply(self._refused(envelope, received, refusal))

    def not_let_in(self) -> None:
        """Take down that somebody was not let in."""
        self._measure(None, errors.NotAuthenticated.reason, perf_counter(), ANYBODY)

    def _measure(
        self,
        envelope: Envelope | None,
        outcome: str,
        begun: float,
        client: Client,
        seen: Seen | None = None,
    ) -> None:
        number = measuring.UNKNOWN if envelope is None else self._number(envelope)
        seconds = perf_counter() - begun
        desk = self._office.desk
        desk.measuring.call(Way.GATEWAY, number, outcome, seconds)
        # Who is no client may state any institution, so a stated one counts once it was let in.
        known = envelope is not None and number != measuring.UNKNOWN
        known_by = client.institutions or ()
        asked = (envelope.institution,) if envelope is not None and known else known_by
        who = principal_of(client.name or "anybody", Role.INSTITUTION, asked, shown="gateway")
        desk.accesses.add(who, number, "", outcome)
        if desk.watch is not None and seen is not None:
            seen.method = number
            desk.watch.end(seen, outcome)

    def _number(self, envelope: Envelope) -> str:
        """Return which transaction an envelope asks for, as it is counted and logged."""
        return envelope.infno if envelope.infno in self._transactions else measuring.UNKNOWN

    def _done(
        self, envelope: Envelope, received: datetime, transaction: Transaction, answer: Answer
    ) -> Reply:
        """Return the response to a request that was done."""
        if answer.file is not None:
            return Reply(answer.file, is_file=True)
        told = write_envelope(
            infcode=DONE,
            reference=self._references.next(envelope.treatment_area, received),
            received=received,
            responded=self._office.clock(),
            output=write_nodes(transaction.outputs, answer.output),
            warn_msg="; ".join((*answer.warnings, *envelope.warnings)),
        )
        return Reply(told)

    def overloaded(self) -> bytes:
        """Return the answer to a request that is not even read, since too many are open."""
        most = limits.GATEWAY_REQUESTS_OPEN_MAX
        text = f"{most} requests are open. Nothing was recorded; send the same msgid again."
        self._measure(None, errors.Overloaded.reason, perf_counter(), ANYBODY)
        return self._refused(None, self._office.clock(), errors.Overloaded(text))

    async def _answered(self, envelope: Envelope, client: Client) -> tuple[Transaction, Answer]:
        transaction = self._transactions.get(envelope.infno)
        if transaction is None:
            raise errors.TransactionUnknown(
                f"{envelope.infno} is no transaction of this gateway; see its OpenAPI description",
                infno=envelope.infno,
            )
        if not client.speaks_for(envelope.institution):
            raise errors.InstitutionNotYours(
                f"client {client.name!r} may not ask for {envelope.institution}; "
                "have the bureau add it to the institutions of its token",
                institution=envelope.institution,
            )
        # Who is in no directory is nobody here, whatever is asked.
        self._office.directory.institution(envelope.institution)
        if transaction.signed_in:
            signing.check(self._office, envelope)
        faults: list[Fault] = []
        said = read_nodes(transaction.inputs, envelope.said, faults)
        if faults:
            raise InvalidRequest(faults)
        return transaction, await transaction.handler(self._office, Asked(envelope, said))

    def _refused(
        self, envelope: Envelope | None, received: datetime, error: SettlementError
    ) -> bytes:
        area = envelope.treatment_area if envelope is not None else ""
        return write_envelope(
            infcode=infcode_of(error),
            reference=self._references.next(area, received),
            received=received,
            responded=self._office.clock(),
            output=None,
            err_msg=err_msg_of(error),
            err_detail=err_detail_of(error),
        )
