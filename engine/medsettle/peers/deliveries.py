"""Handing over what was recorded here, the place of insurance, until the place of care agrees."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from medsettle import errors, limits
from medsettle.core.dates import microseconds
from medsettle.core.visits import Visit
from medsettle.engine.copies import Copied, original_of
from medsettle.engine.elsewhere import Elsewhere
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.peers.home_desk import HomeDesk
from medsettle.peers.links import Links
from medsettle.peers.messages import delivered_message
from medsettle.peers.open_cases import Delivery, OpenCases
from medsettle.v1 import peer_service_pb2 as peers

_MS: Final = 1_000
_ATTEMPTS_BEFORE_ORIGINAL: Final = 3
_TOLD: Final = {
    peers.STANDING_PENDING: "under way at the place of care",
    peers.STANDING_UNREACHABLE: "the place of care cannot be reached from the hub",
}


class Deliveries:
    """Hands over due deliveries of each place of care, those of different ones side by side."""

    def __init__(
        self, elsewhere: Elsewhere, home: HomeDesk, links: Links, cases: OpenCases
    ) -> None:
        self._elsewhere, self._home = elsewhere, home
        self._links, self._cases = links, cases

    async def hand_over(self, area: str | None = None) -> None:
        """Hand over what is due now, of a place of care or of all."""
        by_area: dict[str, list[Delivery]] = {}
        for each in self._cases.due_deliveries(area):
            by_area.setdefault(each.care_area, []).append(each)
        await asyncio.gather(*(self._to(whose, due) for whose, due in by_area.items()))

    async def _to(self, area: str, due: Sequence[Delivery]) -> None:
        left = self._recorded(due)
        while left:
            part, request = self._part(area, left)
            del left[: len(part)]
            try:
                answer = await self._links.call(
                    "DeliverRecords",
                    area,
                    request.SerializeToString(),
                    seconds=limits.PEER_CALL_SECONDS,
                )
                standings = peers.DeliverRecordsResponse.FromString(answer).standings
            except errors.SettlementError as error:
                # Whoever cannot be reached now is not asked for the rest either.
                self._cases.put_off_deliveries([*part, *left], _short(error))
                return
            self._settle(part, standings)

    def _recorded(self, due: Sequence[Delivery]) -> list[Delivery]:
        """Return the deliveries whose records are there.

        A ledger that was restored may lack some; they stay open, and hold nothing else up.
        """
        found = []
        for each in due:
            try:
                self._elsewhere.recorded(each.record)
            except errors.NotFound as error:
                self._cases.put_off_deliveries([each], _short(error))
            else:
                found.append(each)
        return found

    def _part(
        self, area: str, due: Sequence[Delivery]
    ) -> tuple[list[Delivery], peers.DeliverRecordsRequest]:
        """Return as many deliveries as fit into a message, and that message."""
        request = peers.DeliverRecordsRequest()
        part: list[Delivery] = []
        room = limits.MESSAGE_BYTES_MAX // 2
        for each in due[: limits.DELIVERED_RECORDS_MAX]:
            record = self._elsewhere.recorded(each.record)
            message = delivered_message(record, area)
            message.age_ms = int(self._cases.age_seconds(_recorded_us(record)) * _MS)
            room -= message.ByteSize()
            if part and room < 0:
                break
            part.append(each)
            request.records.append(message)
        return part, request

    def _settle(
        self, part: Sequence[Delivery], standings: "Sequence[peers.Standing.ValueType]"
    ) -> None:
        agreed: list[str] = []
        if len(standings) != len(part):
            self._cases.put_off_deliveries(part, "an answer with another number of records")
            return
        for each, standing in zip(part, standings, strict=True):
            if standing == peers.STANDING_AGREED:
                agreed.append(each.record)
            elif standing == peers.STANDING_NOT_TAKEN:
                self._not_taken(each)
            else:
                self._cases.put_off_deliveries([each], _TOLD.get(standing, "no answer"))
                self._open_original(each)
        self._cases.close_deliveries(agreed)

    def _open_original(self, delivery: Delivery) -> None:
        """Deliver again what a record takes back: a hub that lost its copy cannot keep this one."""
        original = original_of(self._elsewhere.recorded(delivery.record))
        if original is not None and delivery.attempts >= _ATTEMPTS_BEFORE_ORIGINAL:
            self._cases.open_deliveries([(original, delivery.care_area)], 0)

    def _not_taken(self, delivery: Delivery) -> None:
        """Take back what the place of care did not take."""
        record: Copied = self._elsewhere.recorded(delivery.record)
        try:
            self._home.taken_back(record, delivery.attempts)
        except errors.SettlementError as error:
            say(logged.NOT_TAKEN_BACK, settlement=delivery.record, reason=error.reason)
            self._cases.put_off_deliveries([delivery], _short(error))
        else:
            self._cases.close_deliveries([delivery.record])


def _recorded_us(record: Copied) -> int:
    moment = record.create_time if isinstance(record, Visit) else record.columns["create_time"]
    assert isinstance(moment, datetime), "it is recorded"
    return microseconds(moment)


def _short(error: errors.SettlementError) -> str:
    return f"{error.reason}: {error.message}"[: limits.MESSAGE_CHARS_MAX]
