"""Messages between engines mean what they meant, and what means nothing is told with its place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from medsettle.client.claims import claim_message
from medsettle.core.claims import ClaimBatch
from medsettle.core.scopes import scope_faults
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.engine.copies import Copied
from medsettle.errors import InvalidRequest
from medsettle.peers.messages import (
    answer_of,
    care_scope_of,
    delivered_message,
    delivered_of,
    parsed,
    says_more,
    scoped_message,
)
from medsettle.service import wire
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import settlement_service_pb2 as settlements

from tests.engine.engines import id_of
from tests.engine.visits import AREA, SURGERY, injury_stay, line, recognition, register, visit_row
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, scoped

_NEWER = b"\xc2\x3e\x03new"


@pytest.fixture(name="engine")
def _engine() -> Engine:
    engine = Engine(book_of(AREA), MemoryLedger(), Ticking())
    register(engine, recognition())
    return engine


def _scoped(row: dict[str, Any]) -> tuple[ClaimBatch, peers.ScopedClaim]:
    batch = scoped(ClaimBatch.from_rows([row]))
    return batch, scoped_message(claim_message(row), batch.scopes[0])


@pytest.mark.parametrize("row", [visit_row(line(1, SURGERY, 900)), injury_stay()], ids=["one", "5"])
def test_a_split_comes_as_it_was_made(row: dict[str, Any]) -> None:
    """Area, catalogue, charge types, and every part of every line for each insurance type."""
    batch, message = _scoped(row | {"care_area": CARE})
    sent = batch.scopes[0]

    found = care_scope_of(peers.ScopedClaim.FromString(message.SerializeToString()))

    assert (sent.care_area, sent.catalogue_digest, sent.charge_types) == (
        found.care_area,
        found.catalogue_digest,
        found.charge_types,
    )
    assert [*sent.by_type] == [*found.by_type]
    for name, scope in sent.by_type.items():
        other = found.by_type[name]
        for one, two in (
            (scope.parts, other.parts),
            (scope.item_class, other.item_class),
            (scope.outside, other.outside),
        ):
            assert one.dtype == two.dtype
            assert np.array_equal(one, two)
    assert [] == scope_faults(batch.rows[0], found)


def _taken(engine: Engine) -> list[Copied]:
    """Return a settlement, its cancel, a reversed one, and the same of visits."""
    records: list[Copied] = []
    for number, take_back in enumerate(("cancel", "reverse")):
        row = visit_row(line(1, SURGERY, 900), request_id=f"Q{number}", care_area=CARE)
        (settled,) = engine.settle(scoped(ClaimBatch.from_rows([row])))
        assert isinstance(settled, Settlement)
        row = injury_stay(request_id=f"V{number}", care_area=CARE)
        visit = engine.visits.settle(scoped(ClaimBatch.from_rows([row])))
        records += [settled, visit]
        if take_back == "cancel":
            records.append(engine.cancel("H1", f"C{number}", id_of(settled)))
            records.append(engine.visits.cancel("H1", f"X{number}", str(visit.visit)))
        else:
            back = engine.reverse("H1", f"Q{number}", f"C{number}").original.taken_back_by
            records.append(engine.get(back))
            back = engine.reverse("H1", f"V{number}", f"X{number}").original.taken_back_by
            records.append(engine.visits.get(back))
    return records


def test_records_come_as_they_were_sent(engine: Engine) -> None:
    """Settlements, visits, and what takes them back, with what was reversed."""
    for record in _taken(engine):
        sent = delivered_message(record, CARE).SerializeToString()
        message = peers.DeliveredRecord.FromString(sent)

        assert CARE == message.care_area
        assert record == delivered_of(message)


def test_answers_are_kept_where_they_say_more(engine: Engine) -> None:
    """Fields that are not known, in a message or in one within it, and no others."""
    settled, visit = _taken(engine)[:2]
    assert isinstance(settled, Settlement)
    assert isinstance(visit, Visit)
    plain = wire.settlement_message(settled).SerializeToString()
    of_visit = wire.visit_message(visit).SerializeToString()

    assert (settled, None) == answer_of("SettleScoped", plain)
    assert (settled, plain + _NEWER) == answer_of("SettleScoped", plain + _NEWER)
    assert (visit, None) == answer_of("SettleScopedVisit", of_visit)
    assert (visit, of_visit + _NEWER) == answer_of("SettleScopedVisit", of_visit + _NEWER)
    within = settlements.Settlement.FromString(plain)
    within.payers[0].MergeFromString(_NEWER)
    body = within.SerializeToString()
    assert body == says_more(within, body)


def _longer(message: peers.ScopedClaim) -> None:
    message.scopes[0].over_limit_fen.append(1)


def _shorter(message: peers.ScopedClaim) -> None:
    message.scopes[0].outside.pop()


def _no_class(message: peers.ScopedClaim) -> None:
    message.scopes[0].item_class[0] = 300


def _class_of_another_byte(message: peers.ScopedClaim) -> None:
    message.scopes[0].item_class[0] = 257


def _class_below(message: peers.ScopedClaim) -> None:
    message.scopes[0].item_class[0] = -(2**31)


def _twice(message: peers.ScopedClaim) -> None:
    message.scopes.append(message.scopes[0])


def _none(message: peers.ScopedClaim) -> None:
    del message.scopes[:]


def _no_lines(message: peers.ScopedClaim) -> None:
    message.scopes[0].CopyFrom(peers.Scope(insurance_type=message.scopes[0].insurance_type))


def _no_type(message: peers.ScopedClaim) -> None:
    message.scopes[0].insurance_type = ""


def _large(message: peers.ScopedClaim) -> None:
    message.scopes[0].in_scope_fen[0] = 2**63 - 1


def _no_digest(message: peers.ScopedClaim) -> None:
    message.catalogue_digest = ""


def _charge_types(message: peers.ScopedClaim) -> None:
    message.charge_types.append("09")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_longer, "scopes[{0}].over_limit_fen"),
        (_shorter, "scopes[{0}].outside"),
        (_no_class, "scopes[{0}].item_class[0]"),
        (_class_of_another_byte, "scopes[{0}].item_class[0]"),
        (_class_below, "scopes[{0}].item_class[0]"),
        (_twice, "scopes[{0}]"),
        (_none, "scopes"),
        (_no_lines, "scopes[{0}]"),
        (_no_type, "scopes[]"),
        (_large, "scopes[{0}].in_scope_fen[0]"),
        (_no_digest, "catalogue_digest"),
        (_charge_types, "charge_types"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_is_no_split_is_told_with_its_place(
    engine: Engine, change: Callable[[peers.ScopedClaim], None], path: str
) -> None:
    """Read here or held to the lines by the engine, it is a clear fault; nothing is settled."""
    row = visit_row(line(1, SURGERY, 900), line(2, SURGERY, 30), care_area=CARE)
    _, message = _scoped(row)
    path = path.format(message.scopes[0].insurance_type)
    change(message)
    last = engine.ledger.last_seq()

    with pytest.raises(InvalidRequest) as refused:
        batch = wire.batch_of([message.claim]).scoped({0: care_scope_of(message)})
        (answer,) = engine.settle(batch)
        assert not isinstance(answer, Settlement)
        raise answer.error()

    assert path in {fault.path for fault in refused.value.faults}
    assert all(fault.message for fault in refused.value.faults)
    assert last == engine.ledger.last_seq()


def test_bytes_that_are_no_message(engine: Engine) -> None:
    """What cannot be read, and a record that is neither of the two."""
    with pytest.raises(InvalidRequest, match="3 bytes are no ScopedClaim"):
        parsed(peers.ScopedClaim, b"\x0a\x05a")
    with pytest.raises(InvalidRequest, match="neither a settlement nor a visit"):
        delivered_of(peers.DeliveredRecord(care_area=CARE))
