"""What other engines hand over: told what became of it here, kept as copies at a hub."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from medsettle import errors, limits
from medsettle.engine.copies import Copied, holder_of
from medsettle.engine.elsewhere import Elsewhere
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.peers.care_desk import CareDesk
from medsettle.peers.config import PeerConfig, Role
from medsettle.peers.handler import Caller
from medsettle.peers.home_desk import HomeDesk
from medsettle.peers.links import Links
from medsettle.peers.messages import delivered_of, parsed, says_more
from medsettle.service.desk import Desk
from medsettle.v1 import peer_service_pb2 as peers

DELIVER: Final = "DeliverRecords"

_MS: Final = 1_000


class LocalPeer:
    """Answers what other engines ask of this one, whatever its role."""

    def __init__(
        self, config: PeerConfig, desk: Desk, home: HomeDesk, care: CareDesk, links: Links
    ) -> None:
        self._config, self._desk = config, desk
        self._home, self._care, self._links = home, care, links
        self._elsewhere: Elsewhere = care.elsewhere

    async def answer(self, method: str, body: bytes, caller: Caller) -> bytes:
        """Return the answer to a method that is for this engine.

        Raises:
            SettlementError: As the method does.
            PeerTooOld: This engine knows no such method.
        """
        if method == DELIVER:
            return await self._delivered(body, caller)
        known = self._home.methods.get(method)
        if known is None:
            raise errors.PeerTooOld(
                f"{self._config.name} knows no method {method!r}; a newer program does",
                area=caller.to_area,
            )
        return await known(body, caller)

    async def _delivered(self, body: bytes, caller: Caller) -> bytes:
        request = parsed(peers.DeliverRecordsRequest, body)
        assert isinstance(request, peers.DeliverRecordsRequest)
        if len(request.records) > limits.DELIVERED_RECORDS_MAX:
            most = limits.DELIVERED_RECORDS_MAX
            text = f"{len(request.records)} records; send {most} at most in one call"
            raise errors.BatchTooLarge([errors.Fault("records", text)])
        records = [delivered_of(each) for each in request.records]
        self._check_speaks_for(caller, records)
        if self._config.role is Role.HUB:
            return await self._kept(request, records, body, caller)
        standings = [
            self._care.standing(each, told.age_ms / _MS)
            for each, told in zip(records, request.records, strict=True)
        ]
        return peers.DeliverRecordsResponse(standings=standings).SerializeToString()

    async def _kept(
        self,
        request: peers.DeliverRecordsRequest,
        records: Sequence[Copied],
        body: bytes,
        caller: Caller,
    ) -> bytes:
        """Keep a copy of each record, pass them on, and return what the place of care said."""
        as_sent = [says_more(each, each.SerializeToString()) for each in request.records]
        kept = self._copies(records, as_sent)
        try:
            answer = await self._links.call(
                DELIVER, caller.to_area, body, seconds=caller.seconds, hops=caller.hops + 1
            )
        except errors.SettlementError as error:
            say(logged.NOT_PASSED_ON, records=len(records), reason=error.reason)
            unreachable = [peers.STANDING_UNREACHABLE] * len(records)
            return peers.DeliverRecordsResponse(standings=unreachable).SerializeToString()
        told = peers.DeliverRecordsResponse.FromString(answer)
        for at, is_kept in enumerate(kept[: len(told.standings)]):
            if not is_kept:
                told.standings[at] = peers.STANDING_PENDING
        return told.SerializeToString()

    def _copies(self, records: Sequence[Copied], as_sent: Sequence[bytes | None]) -> list[bool]:
        """Return whether each record is kept; one that cannot be keeps no other from it."""
        keep = self._elsewhere.keep
        try:
            return self._desk.keep(lambda: keep(records, as_sent))
        except errors.InternalError as bug:
            say(logged.COPIES_NOT_KEPT, bug, records=len(records))
        kept = []
        for each, sent in zip(records, as_sent, strict=True):
            try:
                kept += self._desk.keep(partial(keep, [each], [sent]))
            except errors.InternalError as bug:
                say(logged.COPIES_NOT_KEPT, bug, records=1, area=holder_of(each)[0])
                kept.append(False)
        return kept

    def _check_speaks_for(self, caller: Caller, records: Sequence[Copied]) -> None:
        """Raise where a caller hands over what another area decided.

        Raises:
            PeerNotKnown: It does not speak for that area.
        """
        for each in records:
            area = holder_of(each)[0]
            if not self._config.speaks_for(caller.neighbour, area):
                raise errors.PeerNotKnown(
                    f"{caller.neighbour} does not speak for area {area!r}; add it to the areas of "
                    "that peer, or correct the route",
                    area=area,
                )
