"""A settlement that one book lacks, recorded there from the book of another.

The place of insurance settles the claim again, by the very policy and catalogue that settled it for
the others, and records it only if it comes out the same to the fen; the others take a copy of what
the place of insurance has, as they would have had it delivered.

Source: `clearing.md` §2.4, classes 2 and 3: replay from the copy with the rule version of the
settlement time; the same result is inserted, another one is a difference of amounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import orjson

from medsettle import errors
from medsettle.clearing.items.plans import Insert
from medsettle.clearing.matching.book import Side
from medsettle.core import codes
from medsettle.core.adjustments import ADJUSTABLE
from medsettle.core.claims import ClaimBatch
from medsettle.core.making import Making
from medsettle.core.outcome import Rejection
from medsettle.core.scopes import Scope
from medsettle.core.settlement import Settlement
from medsettle.engine.conductor import Engine
from medsettle.engine.copies import refuse_copy, side_of
from medsettle.engine.elsewhere import Elsewhere, Taking
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import claim_digest, request_key
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.ledger.records import decode_care, decode_settlement
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.settle.item_use import no_values
from medsettle.settle.scoping import Scoped, scoped_claims

VERSIONS: Final = ("policy", "policy_digest", "catalogue_digest")


@dataclass(frozen=True, slots=True)
class Source:
    """Another book, to take a record from: its ledger, and the rules of its engine."""

    ledger: LedgerReader
    rulebook: RuleBook


@dataclass(frozen=True, slots=True)
class Unlike:
    """A claim that settles otherwise now: nothing was recorded.

    `columns` are those that differ, each with what the other book has and what comes out now.
    """

    columns: Mapping[str, tuple[object, object]]

    def __str__(self) -> str:
        told = [f"{name} {then} then, {now} now" for name, (then, now) in self.columns.items()]
        return f"settled again, the claim comes out otherwise: {'; '.join(told)}"


@dataclass(frozen=True, slots=True)
class Inserting:
    """Records at one engine what another book has."""

    engine: Engine
    source: Source | None

    def insert(self, step: Insert) -> str | Unlike:
        """Return the id of the record, after its commit, or how the claim settles now.

        Raises:
            Precondition: No other book is at hand, or it has taken the settlement back, or it is
                one of a visit.
            NotFound: The other book does not have it.
            SettlementError: The engine here refuses it, such as for a request that was reversed.
            LedgerUnavailable: Nothing was recorded.
        """
        found, source = self._found(step.settlement)
        if step.side is Side.INSURED:
            return self._settle(found, source)
        held = decode_settlement(found)
        refuse_copy(held, f"give the {step.side} side its copy")
        if step.side is Side.NATIONAL:
            elsewhere = Elsewhere(self.engine.ledger, self.engine.log)
            (kept,) = elsewhere.keep([held], [None])
            assert kept, "what takes nothing back is kept"
            return found.settlement
        return self._take(found, held)

    def _found(self, settlement: str) -> tuple[Recorded, Source]:
        if self.source is None:
            raise errors.Precondition(
                f"settlement {settlement} is to be recorded from another book; name the data "
                "folder of a side that has it",
                settlement=settlement,
            )
        ledger = self.source.ledger
        found = ledger.settlement(settlement)
        if found is None or found.kind != "settle":
            raise errors.NotFound(
                f"the other book has no settlement {settlement}; name the data folder of a side "
                "that has it",
                settlement=settlement,
            )
        if (gone := ledger.cancel_of(settlement)) is not None:
            raise errors.AlreadyCancelled(
                f"settlement {settlement} was taken back there by {gone.settlement}; reconcile "
                "again",
                settlement=settlement,
                cancelled_by=gone.settlement,
            )
        visit = decode_settlement(found).columns["visit"]
        if visit is not None:
            raise errors.PartOfVisit(
                f"settlement {settlement} is one of the visit {visit}, whose settlements stand or "
                "fall together; reverse it where it stands and settle the visit again",
                settlement=settlement,
                visit=str(visit),
            )
        return found, self.source

    # --- the place of insurance ------------------------------------------------------------

    def _settle(self, found: Recorded, source: Source) -> str | Unlike:
        then = decode_settlement(found)
        if side_of(found) is None:
            raise errors.Precondition(
                f"the book that has settlement {found.settlement} decided it itself; name the data "
                "folder of the place of care",
                settlement=found.settlement,
            )
        batch = _batch_of(found, then, source)
        found_unlike: list[Unlike] = []

        def make() -> ClaimBatch | Settlement:
            known = self.engine.ledger.settlement(found.settlement)
            if known is not None and known.kind == "settle":
                return decode_settlement(known, duplicate=True)
            (now,) = self.engine.preview(batch)
            if isinstance(now, Rejection):
                raise now.error()
            if unlike := _unlike(then, now):
                found_unlike.append(Unlike(unlike))
                raise errors.Precondition("the claim comes out otherwise, and is not recorded")
            return batch

        holders = frozenset({(found.pooling_area, found.person)})
        (made,) = self.engine.settle_made([Making(holders, make)])
        if found_unlike:
            return found_unlike[-1]
        if isinstance(made, Rejection):
            raise made.error()
        if isinstance(made, errors.SettlementError):
            raise made
        assert made.columns["settlement"] == found.settlement, "the same request has the same id"
        return found.settlement

    # --- the place of care -----------------------------------------------------------------

    def _take(self, found: Recorded, held: Settlement) -> str:
        claim, _ = decode_care(found)
        batch = ClaimBatch.from_rows([claim])
        if 0 in batch.rejections:
            raise batch.rejections[0].error()
        row = batch.rows[0]
        care = str(row["care_area"] or "")
        if care not in self.engine.rulebook.areas:
            raise errors.Precondition(
                f"settlement {found.settlement} is of care in area {care or 'unknown'}, which this "
                "engine does not serve; name the data folder and rules of that area",
                settlement=found.settlement,
            )
        split = scoped_claims(self.engine.rulebook, batch, [0], self.engine.ledger.counters)[0]
        used = split.used if isinstance(split, Scoped) else ()
        asked = Asked(
            *request_key(row), claim_digest("settle", row), found.pooling_area, found.person
        )
        elsewhere = Elsewhere(self.engine.ledger, self.engine.log)
        (taken,) = elsewhere.take([Taking(asked, held, row, used)])
        if isinstance(taken, errors.SettlementError):
            raise taken
        return found.settlement


def _batch_of(found: Recorded, then: Settlement, source: Source) -> ClaimBatch:
    """Return the claim of a copy as it was sent to be decided, with the split it was settled by.

    Raises:
        Precondition: The claim is not in the copy, or the catalogue that split it is not loaded.
    """
    care = str(then.columns["care_area"] or "")
    catalogue = source.rulebook.catalogues.get(care)
    wanted = then.columns["catalogue_digest"]
    loaded = "none" if catalogue is None else catalogue.digest[:DIGEST_CHARS]
    if loaded != wanted:
        raise errors.Precondition(
            f"settlement {found.settlement} was split by catalogue {wanted} of area {care}; loaded "
            f"is {loaded}. Name the rules of that area as they were",
            settlement=found.settlement,
        )
    if orjson.loads(found.record)["claim"] is None:
        raise errors.Precondition(
            f"the copy of {found.settlement} has no claim; name the data folder of the place of "
            "care, which was sent it",
            settlement=found.settlement,
        )
    batch = ClaimBatch.from_rows([decode_care(found)[0] | {"care_area": care}])
    if 0 in batch.rejections:
        raise batch.rejections[0].error()
    # The catalogue tells what kind each item is; how much of it was left to whom is recorded.
    split = scoped_claims(source.rulebook, batch, [0], no_values)[0]
    if isinstance(split, Rejection):
        raise split.error()
    (by_type,) = split.scope.by_type
    recorded = replace(split.scope, by_type={by_type: _recorded_scope(then)})
    return batch.scoped({0: recorded})


def _recorded_scope(then: Settlement) -> Scope:
    parts = [[row[f"{name}_fen"] for row in then.lines] for name in codes.POT_NAMES]
    return Scope(
        parts=np.array(parts, dtype=np.int64),
        item_class=np.array([int(str(row["item_class"])) for row in then.lines], dtype=np.int8),
        outside=np.array(
            [row["own_expense_fen"] == row["amount_fen"] for row in then.lines], dtype=np.bool_
        ),
    )


def _unlike(then: Settlement, now: Settlement) -> dict[str, tuple[object, object]]:
    """Return the versions and amounts that differ between two settlements of one claim."""
    return {
        name: (then.columns[name], now.columns[name])
        for name in (*VERSIONS, *ADJUSTABLE)
        if then.columns[name] != now.columns[name]
    }
