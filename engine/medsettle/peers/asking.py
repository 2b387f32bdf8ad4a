"""One request of the place of care on its way: asked elsewhere once, recorded here, or open."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from medsettle import errors, limits
from medsettle.core.settlement import Row
from medsettle.core.visits import Visit
from medsettle.engine.copies import (
    Copied,
    holder_of,
    original_of,
    request_of,
    taking_back_digest,
)
from medsettle.engine.elsewhere import Elsewhere, Taken, Taking
from medsettle.engine.request_log import RECORDED_REFUSALS, Asked
from medsettle.peers.links import Links
from medsettle.peers.open_cases import OpenCases, Unknown
from medsettle.service.batcher import Batcher
from medsettle.service.desk import Desk

Answer = TypeVar("Answer")

SETTLING: Final = frozenset({"SettleScoped", "SettleScopedVisit"})
"""The methods that settle; all other writes take something back."""

UNDECIDED: Final = (errors.OutcomeUnknown, errors.LedgerFailed, errors.InternalError)
"""After these nobody knows what the place of insurance recorded."""

NOT_SENT: Final = (
    errors.PeerUnreachable,
    errors.PeerNotKnown,
    errors.PeerTooOld,
    errors.Overloaded,
    errors.LedgerUnavailable,
)
"""After these it is known that nothing was recorded there by this attempt."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A request that is being answered."""

    digest: bytes
    answer: "asyncio.Task[Any]"


class Asking:
    """Asks the engines of other areas, each request once. Make it on the running event loop."""

    def __init__(self, elsewhere: Elsewhere, desk: Desk, links: Links, cases: OpenCases) -> None:
        self._elsewhere, self._desk = elsewhere, desk
        self._links, self._cases = links, cases
        self._taking: Batcher[Taking, Taken] = Batcher(self._take_all)
        self._under_way: dict[tuple[str, str], _UnderWay] = {}

    def is_under_way(self, key: tuple[str, str]) -> bool:
        """Return whether a request is being answered at this moment."""
        return key in self._under_way

    async def decided(self, key: tuple[str, str], deadline: float | None) -> None:
        """Wait for a request under way, for what is taken back must be known to be or not to be.

        Raises:
            OutcomeUnknown: It is a cancel or a reversal, and whether the place of insurance has
                accepted it is not known: what it accepted is final.
        """
        held = self._under_way.get(key)
        if held is not None:
            await asyncio.wait({held.answer}, timeout=self.seconds(deadline))
        open_ = self._cases.unknown(key)
        if open_ is not None and open_.method not in SETTLING:
            asked = Asked(*key, open_.digest, open_.area, open_.person)
            raise unknown_outcome(asked, errors.OutcomeUnknown("it is sent again"))

    async def once(self, asked: Asked, ask: Callable[[], Coroutine[Any, Any, Copied]]) -> Copied:
        """Return the answer to a request: the recorded one, that under way, or a new one."""
        known = self._elsewhere.known(asked)
        if known is not None:
            return known
        answer, was_under_way = await self.shared(asked, ask)
        return replace(answer, duplicate=True) if was_under_way else answer

    async def shared(
        self, asked: Asked, ask: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> tuple[Answer, bool]:
        """Return what a request is answered, and whether it was under way already.

        All who ask get the one answer; it comes to its end though they go.
        """
        self.refuse_open(*asked.key, asked.digest)
        held = self._under_way.get(asked.key)
        if held is not None:
            again: Answer = await asyncio.shield(held.answer)
            return again, True
        held = _UnderWay(asked.digest, asyncio.ensure_future(ask()))
        self._under_way[asked.key] = held
        held.answer.add_done_callback(partial(self._ended, asked.key))
        answer: Answer = await asyncio.shield(held.answer)
        return answer, False

    def refuse_open(self, institution: str, request_id: str, digest: bytes = b"") -> None:
        """Raise where an id is that of a request whose outcome is not known, with other content.

        What the first comes to would have no place here, were the second recorded under its id.

        Args:
            institution: Whose id it is.
            request_id: The id.
            digest: Of the content of a request that is decided elsewhere.

        Raises:
            RequestIdReused: It is, and was not sent.
        """
        key = (institution, request_id)
        held = self._under_way.get(key) or self._cases.unknown(key)
        if held is None or held.digest == digest:
            return
        # Once something is recorded under the id, that decides.
        if not self._elsewhere.ledger.requests([key]):
            raise errors.RequestIdReused(
                f"request id {request_id!r} is under way with other content; a new request needs a "
                "new id",
                request_id=request_id,
            )

    def refuse_left_alone(self, asked: Asked) -> None:
        """Raise where a request would not be sent, before its lines are split for nothing.

        Raises:
            PeerUnreachable: The engine of the area did not answer a moment ago.
            OutcomeUnknown: So it is, and what became of the request when it was sent is not known.
        """
        try:
            self._links.refuse_left_alone(asked.pooling_area)
        except errors.PeerUnreachable as error:
            self._refuse_unknown(asked, error)
            raise

    def _refuse_unknown(self, asked: Asked, error: errors.SettlementError) -> None:
        """Raise where a request was sent before: an error speaks of its own attempt only.

        Raises:
            OutcomeUnknown: It was, and how that attempt failed is what counts.
        """
        if self._cases.is_unknown(asked.key):
            before = errors.OutcomeUnknown("it was sent before, and its answer did not come")
            raise unknown_outcome(asked, before) from error

    def refuse_beside_unknown(self, asked: Asked) -> None:
        """Raise where it is not known what became of another claim of the person.

        Raises:
            PersonPending: It is not: a till clears what is open before it settles anew.
        """
        other = self._cases.unknown_of(asked.pooling_area, asked.person, asked.key)
        if other is not None:
            raise errors.PersonPending(
                f"what became of request {other!r} of this person is being found out. Nothing was "
                "sent; send that request again or reverse it, and then this one",
                request_id=other,
            )

    def _ended(self, key: tuple[str, str], task: "asyncio.Task[Any]") -> None:
        del self._under_way[key]
        if not task.cancelled():
            # Whoever asked may be gone; then nobody else looks at it.
            task.exception()

    async def sent(
        self,
        asked: Asked,
        method: str,
        body: bytes,
        deadline: float | None,
        *,
        opened_before: bool = False,
    ) -> bytes:
        """Return the answer of the place of insurance to a write.

        Args:
            asked: The request.
            method: By which it is sent.
            body: The message.
            deadline: Seconds of the loop's clock.
            opened_before: Whether it is opened as unknown before it is sent, synced: what takes
                something back is final once it is accepted there, and must not be forgotten here.

        Raises:
            OutcomeUnknown: It did not come, now or when the request was sent before.
            SettlementError: The place of insurance refused, which is recorded here too; or nothing
                was sent.
        """
        fresh = False
        if opened_before:
            fresh = self._open(asked, method, body, "sent, and not answered yet", synced=True)
        try:
            return await self.call(method, asked.pooling_area, body, deadline)
        except UNDECIDED as error:
            # What settles is not sent again from here, and a bill is large.
            kept = b"" if method in SETTLING else body
            self._open(asked, method, kept, error.message)
            raise unknown_outcome(asked, error) from error
        except NOT_SENT as error:
            if fresh:
                self._cases.close_unknown(asked.key)
            else:
                self._refuse_unknown(asked, error)
            raise
        except errors.SettlementError as error:
            self.refuse(asked, error)
            if method not in SETTLING:
                # It was not accepted, nor will it be: what takes back is the same in each attempt.
                self._cases.close_unknown(asked.key)
            raise

    async def call(self, method: str, area: str, body: bytes, deadline: float | None) -> bytes:
        """Return the answer of the engine of an area; see `Links.call` for errors."""
        return await self._links.call(method, area, body, seconds=self.seconds(deadline))

    @staticmethod
    def seconds(deadline: float | None) -> float:
        """Return how long the place of insurance is waited for, for an answer before a deadline."""
        now = asyncio.get_running_loop().time()
        left = limits.PEER_CALL_SECONDS if deadline is None else deadline - now
        return max(0.0, min(left - limits.PEER_TAKE_SECONDS, limits.PEER_CALL_SECONDS))

    async def taken(self, taking: Taking, method: str) -> Copied:
        """Return what was recorded here; where it was not, see that it is taken back there."""
        asked, said = taking.asked, _other_matter(taking)
        if said is not None:
            self._open(asked, method, b"", said)
            raise unknown_outcome(asked, errors.OutcomeUnknown(said))
        try:
            taken = await self._taking.answer(taking)
        except errors.SettlementError as error:
            self._open(taking.asked, method, b"", error.message)
            raise unknown_outcome(taking.asked, error) from error
        if isinstance(taken, errors.SettlementError):
            self._open(taking.asked, method, b"", taken.message)
            raise taken
        self._cases.close_unknown(taking.asked.key)
        return taken

    def _take_all(self, takings: Sequence[Taking]) -> list[Taken]:
        return self._desk.write(lambda: self._elsewhere.take(takings))

    def refuse(self, asked: Asked, error: errors.SettlementError) -> None:
        """Keep a refusal under the id it was told for."""
        if isinstance(error, RECORDED_REFUSALS):
            error.metadata.pop("duplicate", None)
            self._desk.write(lambda: self._elsewhere.refuse(asked, error))
            self._cases.close_unknown(asked.key)

    def _open(
        self, asked: Asked, method: str, body: bytes, trouble: str, *, synced: bool = False
    ) -> bool:
        return self._cases.open_unknown(
            Unknown(
                institution=asked.institution,
                request_id=asked.request_id,
                method=method,
                area=asked.pooling_area,
                body=body,
                digest=asked.digest,
                person=asked.person,
                trouble=trouble[: limits.MESSAGE_CHARS_MAX],
            ),
            synced=synced,
        )


def _other_matter(taking: Taking) -> str | None:
    """Return what an answer is about that was not asked; None where it is about what was."""
    asked, answered = taking.asked, request_of(taking.answer)
    if answered != asked.key:
        return f"it answered about the request {answered[1]!r} of {answered[0]}"
    if holder_of(taking.answer) != (asked.pooling_area, asked.person):
        return "it answered about another person or area"
    original = original_of(taking.answer)
    if taking.claim is None:
        wanted = original is not None and (
            taking_back_digest(taking.answer, original) == asked.digest
        )
    else:
        wanted = original is None
    if not wanted:
        return f"it answered with what takes {original or 'nothing'} back"
    if taking.claim is not None and not _is_whole_bill(taking.claim, taking.answer):
        return "it answered about another bill"
    return None


def _is_whole_bill(claim: Row, answer: Copied) -> bool:
    """Return whether what was settled comes to the lines of the claim, however it is shared."""
    lines = claim["lines"]
    assert isinstance(lines, Sequence)
    parts = answer.settlements if isinstance(answer, Visit) else (answer,)
    billed: int = sum(line["amount_fen"] for line in lines)
    return billed == sum(part.fen("total_fen") for part in parts)


def unknown_outcome(asked: Asked, cause: errors.SettlementError) -> errors.OutcomeUnknown:
    """Return what a till is told whose request may have been settled elsewhere."""
    area = asked.pooling_area
    return errors.OutcomeUnknown(
        f"whether area {area} has settled request {asked.request_id!r} is not known yet "
        f"({cause.message}); it is being found out. Send the same request id again, or ask what "
        "became of it; if neither is done it is reversed",
        area=area,
        request_id=asked.request_id,
    )
