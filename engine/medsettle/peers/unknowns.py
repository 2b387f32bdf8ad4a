"""Requests sent from here, the place of care, whose answer did not come: query, then reverse.

What the institution may still send again is let be for a while (`limits.UNKNOWN_GRACE_SECONDS`):
the same request is answered by what was recorded the first time. After that it is withdrawn here,
which decides it, and reversed at the place of insurance, whether it ever arrived there or not. A
cancel or a reversal is sent again until it is answered: who asked for it wants it, and what the
place of insurance has taken back is final.
"""

import asyncio
from collections.abc import Sequence

from medsettle import errors, limits
from medsettle.client.requests import request_state_of
from medsettle.core.request_states import RequestState, RequestStatus
from medsettle.engine import Engine
from medsettle.engine.request_log import Asked
from medsettle.errors.reasons import rebuilt
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.peers.asking import SETTLING
from medsettle.peers.care_desk import CareDesk
from medsettle.peers.home_desk import reversal_id
from medsettle.peers.links import Links
from medsettle.peers.open_cases import OpenCases, Unknown
from medsettle.service.desk import Desk
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import request_service_pb2 as requests


class Unknowns:
    """Finds out what became of requests, and makes it one thing everywhere."""

    def __init__(
        self, engine: Engine, desk: Desk, care: CareDesk, links: Links, cases: OpenCases
    ) -> None:
        self._engine, self._desk, self._care = engine, desk, care
        self._links, self._cases = links, cases

    async def resolve(self, area: str | None = None) -> None:
        """Try what is due now, of an area or of all."""
        by_area: dict[str, list[Unknown]] = {}
        for each in self._cases.due_unknowns(area):
            by_area.setdefault(each.area, []).append(each)
        await asyncio.gather(*map(self._with, by_area.values()))

    async def _with(self, due: Sequence[Unknown]) -> None:
        """Try requests of one area, a few at a time, for calls of tills come between.

        An area that cannot be reached is not asked for the rest.
        """
        most = limits.UNKNOWNS_AT_ONCE_MAX
        for first in range(0, len(due), most):
            reached = await asyncio.gather(*map(self._tried, due[first : first + most]))
            if not all(reached):
                self._let_wait(due[first + most :])
                return

    def _let_wait(self, left: Sequence[Unknown]) -> None:
        """Put off requests of an area that cannot be reached; what waited long is withdrawn."""
        waited = [
            each.key
            for each in left
            if each.method in SETTLING
            and self._cases.age_seconds(each.opened_us) >= limits.UNKNOWN_GRACE_SECONDS
            and not self._care.is_under_way(each.key)
        ]
        if waited:
            self._desk.write(lambda: self._care.elsewhere.withdraw_all(waited))
        self._cases.put_off_unknowns(left, "its area could not be reached for others")

    async def _tried(self, unknown: Unknown) -> bool:
        """Try one; return whether its area could be reached, as far as was seen."""
        if self._care.is_under_way(unknown.key):
            self._cases.put_off_unknowns([unknown], "sent again, and under way")
            return True
        try:
            if unknown.method in SETTLING:
                await self._settling(unknown)
            else:
                await self._taking_back(unknown)
        except errors.SettlementError as error:
            trouble = f"{error.reason}: {error.message}"[: limits.MESSAGE_CHARS_MAX]
            if self._cases.is_unknown(unknown.key):
                self._cases.put_off_unknowns([unknown], trouble)
            # A cancel that was sent before is unknown, whatever keeps it from being sent now.
            return not isinstance(error.__cause__ or error, errors.PeerUnreachable)
        return True

    async def _taking_back(self, unknown: Unknown) -> None:
        state = self._here(unknown)
        if state.status is not RequestStatus.UNKNOWN:
            # Answered since, or delivered by the place of insurance.
            self._cases.close_unknown(unknown.key)
            return
        await self._care.send_again(unknown)

    async def _settling(self, unknown: Unknown) -> None:
        state = self._here(unknown)
        if state.status is RequestStatus.UNKNOWN:
            waited = self._cases.age_seconds(unknown.opened_us) >= limits.UNKNOWN_GRACE_SECONDS
            if not await self._asked_there(unknown, waited=waited):
                return
            self._desk.write(lambda: self._care.elsewhere.withdraw(*unknown.key))
            state = self._here(unknown)
        if state.kind not in {"tombstone", "refusal"}:
            # It was sent again and is settled in both books.
            self._cases.close_unknown(unknown.key)
            return
        await self._reverse_there(unknown)
        self._cases.close_unknown(unknown.key)

    async def _asked_there(self, unknown: Unknown, *, waited: bool) -> bool:
        """Return whether a request is to be withdrawn now.

        One that was refused there is refused here for the same reason.
        """
        try:
            there = request_state_of(await self._care.find_there(unknown))
        except errors.SettlementError as error:
            if not waited:
                raise
            say(logged.NOT_ASKED, request_id=unknown.request_id, reason=error.reason)
            return True
        if there.status is RequestStatus.REJECTED and there.refusal is not None:
            said = there.refusal
            asked = Asked(*unknown.key, unknown.digest, unknown.area, unknown.person)
            refusal = rebuilt(said.reason, said.message, said.metadata)
            self._desk.write(lambda: self._care.elsewhere.refuse(asked, refusal))
            self._cases.close_unknown(unknown.key)
            return False
        if not waited:
            self._cases.put_off_unknowns([unknown], f"{there.status} there; may be sent again")
        return waited

    async def _reverse_there(self, unknown: Unknown) -> None:
        body = requests.ReverseRequestRequest(
            institution=unknown.institution,
            original_request_id=unknown.request_id,
            request_id=reversal_id(*unknown.key, unknown.attempts),
        ).SerializeToString()
        answer = await self._links.call(
            "ReverseScoped", unknown.area, body, seconds=limits.PEER_CALL_SECONDS
        )
        reversed_there = peers.ReverseScopedResponse.FromString(answer)
        self._care.take_back(reversed_there, (unknown.area, unknown.person))

    def _here(self, unknown: Unknown) -> RequestState:
        return self._engine.find_request(*unknown.key)
