"""Resolving a difference: the record that a plan asks for, at the engine whose book gets it.

Every record has a request id that follows from the item, so that one that was made before a kill is
found and not made again. A copy is taken back alone here, which nobody else may do: two people have
agreed that the engine that should have decided it has nothing of it.
"""

from dataclasses import dataclass, replace

from medsettle import errors
from medsettle.clearing.items.plans import Adjust, Insert, Note, Step, TakeBack
from medsettle.core.messages import Message
from medsettle.core.settlement import Settlement
from medsettle.engine.cancels import cancel_entry
from medsettle.engine.conductor import Engine
from medsettle.engine.copies import side_of
from medsettle.engine.inserting import Inserting, Source, Unlike
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import content_digest
from medsettle.engine.undone_adjustments import with_adjustments_undone
from medsettle.ledger.entries import Recorded
from medsettle.ledger.records import decode_settlement, placed

MESSAGE_KIND = "reconciliation"
"""The kind of the messages by which a ledger keeps decisions that move no money."""


@dataclass(frozen=True, slots=True)
class Resolutions:
    """Makes the records of plans at one engine.

    `source` is the ledger of another book, from which a missing record is taken; None where none is
    at hand.
    """

    engine: Engine
    source: Source | None = None

    def carry_out(self, step: Step) -> str | Unlike:
        """Return the id of the record of a step, after its commit, or how a claim settles now.

        Raises:
            NotFound: This engine has nothing of what is to be taken back or adjusted.
            Precondition: It cannot be done; the message says why.
            RequestReversed: What is to be inserted was reversed here before it arrived.
            InvalidRequest: What is to be inserted cannot be, or amounts do not add up.
            LedgerUnavailable: Nothing was recorded.
        """
        if isinstance(step, TakeBack):
            return self._take_back(step)
        if isinstance(step, Adjust):
            return _id(self.engine.adjustments.adjust(step.adjustment))
        if isinstance(step, Insert):
            return Inserting(self.engine, self.source).insert(step)
        return self._note(step)

    def _take_back(self, step: TakeBack) -> str:
        found = self.engine.ledger.settlement(step.settlement)
        if found is None or found.kind != "settle" or found.institution != step.institution:
            raise errors.NotFound(
                f"this ledger has no settlement {step.settlement} of institution "
                f"{step.institution}; name the data folder of the side that has it",
                settlement=step.settlement,
            )
        gone = self.engine.ledger.cancel_of(found.settlement)
        if gone is not None:
            return gone.settlement
        if step.known_as is not None:
            key = (step.institution, step.known_as)
            if not self.engine.ledger.requests([key]):
                # The same request makes the same record in every book.
                step = replace(step, request_id=step.known_as, known_as=None)
        if side_of(found) is not None:
            return self._take_back_copy(found, step)
        if not step.reversal:
            cancelled = self.engine.cancel(step.institution, step.request_id, step.settlement)
            return _id(cancelled)
        reversal = self.engine.reverse(step.institution, found.request_id, step.request_id)
        taken_back_by = reversal.original.taken_back_by
        assert taken_back_by, "it was recorded, so it is taken back now"
        return taken_back_by

    def _take_back_copy(self, original: Recorded, step: TakeBack) -> str:
        """Take a copy back by itself: the engine that should have decided it has nothing of it."""
        held = decode_settlement(original)
        if held.columns["visit"] is not None:
            raise errors.PartOfVisit(
                f"settlement {original.settlement} is one of the visit {held.columns['visit']}, "
                "whose settlements stand or fall together; reverse the request of the visit",
                settlement=original.settlement,
                visit=str(held.columns["visit"]),
            )
        digest = content_digest("cancel", {"settlement": original.settlement})
        asked = Asked(step.institution, step.request_id, digest)
        log, ledger = self.engine.log, self.engine.ledger
        reversed_request = original.request_id if step.reversal else None

        def act(found: Recorded | None) -> Settlement:
            assert found is not None, "it was found a moment ago, and nothing is deleted"
            entry, answer = cancel_entry(
                found, asked.key, digest, ledger.counters, reversed_request
            )
            return placed(answer, *log.commit(with_adjustments_undone(ledger, [entry])))

        answer = log.answer_about(
            asked,
            lambda: ledger.settlement(original.settlement),
            act,
            lambda recorded: decode_settlement(recorded, duplicate=True),
        )
        return _id(answer)

    def _note(self, note: Note) -> str:
        message = Message(
            institution=note.institution,
            request_id=note.request_id,
            pooling_area=note.pooling_area,
            person=note.person,
            kind=MESSAGE_KIND,
            subject=f"item.{note.request_id}",
            content=note.content,
        )
        self.engine.messages.record(message, lambda: {"recorded": True})
        return self.engine.messages.id_of(message)


def _id(settlement: Settlement) -> str:
    return str(settlement.columns["settlement"])
