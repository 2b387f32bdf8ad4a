"""What is not believed, and what stays open for a person to look at."""

from collections.abc import Callable

import pytest
from medsettle import limits
from medsettle.peers.delivered import DELIVER
from medsettle.peers.handler import Caller
from medsettle.peers.home_desk import reversal_id
from medsettle.peers.messages import delivered_message
from medsettle.peers.open_cases import Unknown
from medsettle.torture.provinces_servers import HUB
from medsettle.v1.peer_service_pb2 import (
    STANDING_PENDING,
    DeliverRecordsRequest,
    DeliverRecordsResponse,
    ReverseScopedResponse,
)
from medsettle.v1.settlement_service_pb2 import Settlement

from tests.peers.moves import CARE, HOME, INSTITUTION, cancel, reverse, settle
from tests.peers.simulated import Provinces
from tests.peers.simulated_loop import Fate
from tests.peers.three_books import everywhere, id_of, standing, whole


def test_an_answer_about_another_request_is_not_taken(world: Provinces) -> None:
    """A place of insurance that mixes requests up is not believed; what it did is undone."""
    first = world.asked(settle("Q1"))
    home = world.nodes[HOME]
    answer, held = home.answer, dict[str, bytes]()

    async def mixed(method: str, body: bytes, caller: Caller) -> bytes:
        found = await answer(method, body, caller)
        return held.setdefault(method, found) if method == "SettleScoped" else found

    home.answer = mixed  # type: ignore[method-assign]
    # The answer to the second is lost, so nothing here would stand in the way of taking it.
    world.fates.append(Fate(back=None))
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q2")).reason
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q3", person="P2")).reason
    home.answer = answer  # type: ignore[method-assign]
    whole(world)

    assert everywhere("stands") == standing(world, id_of(first))
    assert "REQUEST_REVERSED" == world.asked(settle("Q3", person="P2")).reason


def _altering(world: Provinces, of: str, **columns: str | int) -> Callable[[], None]:
    """Let the place of insurance answer a method with other columns; return what ends that."""
    home = world.nodes[HOME]
    answer = home.answer

    async def altered(method: str, body: bytes, caller: Caller) -> bytes:
        found = await answer(method, body, caller)
        if method != of:
            return found
        settlement = Settlement.FromString(found)
        for name, value in columns.items():
            setattr(settlement, name, value)
        return settlement.SerializeToString()

    home.answer = altered  # type: ignore[method-assign]
    return lambda: setattr(home, "answer", answer)


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("request_id", "Q9"),
        ("person", "P9"),
        ("pooling_area", "999943"),
        ("original", "999942lost"),
        ("total_fen", 2_200_001),
    ],
)
def test_an_answer_about_something_else_is_not_taken(
    world: Provinces, column: str, other: str | int
) -> None:
    """Of another request, person, area or bill, or one that takes something back."""
    end = _altering(world, "SettleScoped", **{column: other})
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q1")).reason
    end()
    whole(world)

    assert "REQUEST_REVERSED" == world.asked(settle("Q1")).reason


@pytest.mark.parametrize("original", ["", "other", "nothing"])
def test_a_cancel_takes_back_what_it_was_asked_for(world: Provinces, original: str) -> None:
    """One that takes back nothing, something else here or something unknown is not recorded."""
    own_id, other = (id_of(world.asked(settle(number))) for number in ("Q1", "Q2"))
    whole(world)
    end = _altering(world, "CancelScoped", original=other if original == "other" else original)
    assert "OUTCOME_UNKNOWN" == world.asked(cancel("Q3", own_id)).reason
    end()
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)
    assert everywhere("stands") == standing(world, other)


def test_an_area_takes_back_its_own_alone(world: Provinces) -> None:
    """Another area hands over what would take back a settlement that it did not decide."""
    own_id = id_of(world.asked(settle("Q1")))
    whole(world)
    home, care = world.nodes[HOME], world.nodes[CARE]
    record = delivered_message(home.engine.cancel(INSTITUTION, "Q2", own_id), CARE)
    record.settlement.pooling_area = "999943"
    request = DeliverRecordsRequest(records=[record])
    delivering = care.local.answer(DELIVER, request.SerializeToString(), Caller(HUB, CARE, 0, 5.0))
    answer = DeliverRecordsResponse.FromString(world.run(delivering))

    assert [STANDING_PENDING] == [*answer.standings]
    assert care.engine.ledger.cancel_of(own_id) is None
    whole(world)
    assert everywhere("taken back") == standing(world, own_id)


def test_a_reversal_is_answered_about_its_person(world: Provinces) -> None:
    """What takes back something of somebody else is not recorded; the reversal stays open."""
    own_id = id_of(world.asked(settle("Q1")))
    whole(world)
    home = world.nodes[HOME]
    answer = home.answer

    async def altered(method: str, body: bytes, caller: Caller) -> bytes:
        found = ReverseScopedResponse.FromString(await answer(method, body, caller))
        found.taken_back.settlement.person = "P9"
        return found.SerializeToString()

    home.answer = altered  # type: ignore[method-assign]
    assert "OUTCOME_UNKNOWN" == world.asked(reverse("Q2", "Q1")).reason
    assert world.nodes[CARE].engine.ledger.cancel_of(own_id) is None
    home.answer = answer  # type: ignore[method-assign]
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)


def test_a_record_that_a_restored_ledger_lacks_holds_up_no_other(world: Provinces) -> None:
    """It stays open for a person to look at."""
    home = world.nodes[HOME]
    home.cases.open_deliveries([("999942lost", CARE)], 0)
    settled = world.asked(settle("Q1"))
    world.wait(30.0)

    assert everywhere("stands") == standing(world, id_of(settled))
    assert ["999942lost"] == [each.record for each in home.cases.deliveries()]


def test_a_reversal_that_was_refused_is_tried_under_another_id() -> None:
    """A refusal stays under its id; a spent account may be filled again."""
    ids = {reversal_id(INSTITUTION, "Q1", attempts) for attempts in range(100)}

    assert 100 == len(ids)
    assert max(map(len, ids)) <= limits.VISIT_REQUEST_ID_CHARS_MAX


def test_a_till_clears_what_is_open_before_it_settles_anew(world: Provinces) -> None:
    """Else deductible and caps would count a claim that is taken back afterwards."""
    world.fates.append(Fate(back=None))
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q1")).reason

    assert "PERSON_PENDING" == world.asked(settle("Q2")).reason
    assert world.asked(settle("Q3", person="P2")).done
    first = world.asked(settle("Q1"))
    second = world.asked(settle("Q2"))
    whole(world)

    for answer in (first, second):
        assert everywhere("stands") == standing(world, id_of(answer))


def test_what_was_not_sent_again_frees_the_person(world: Provinces) -> None:
    """Reversed, the next claim is settled as if the first had never been."""
    world.fates.append(Fate(back=None))
    world.asked(settle("Q1"))
    assert world.asked(reverse("Q2", "Q1")).done
    whole(world)

    assert world.asked(settle("Q3")).done
    whole(world)


def test_a_cancel_that_home_accepted_is_final_under_any_id(world: Provinces) -> None:
    """The place of care lost all it knew of it, and put a tombstone under its id meanwhile."""
    own_id = id_of(world.asked(settle("Q1")))
    whole(world)
    world.fates.append(Fate(back=1.0))
    world.ask(cancel("Q2", own_id))
    world.wait(0.5)
    world.die(CARE, forgets=True)

    assert world.asked(reverse("Q3", "Q2")).done
    world.heal()

    assert [] == world.open_cases()
    assert everywhere("taken back") == standing(world, own_id)
    # The copy stands under an id of its own, for its id is that of the tombstone.
    assert all("request_id 'fin-" in fault for fault in world.faults())


def test_a_ledger_that_is_older_than_the_list_is_delivered_again(world: Provinces) -> None:
    """A restored ledger ends before the position; all of it is delivered once more, and agreed."""
    own_id = id_of(world.asked(settle("Q1")))
    whole(world)
    home = world.nodes[HOME]
    home.cases.open_deliveries((), 10**6)
    world.wait(5.0)
    whole(world)

    assert home.engine.ledger.last_seq() == home.cases.position
    assert everywhere("stands") == standing(world, own_id)


def test_what_is_recorded_by_other_ways_is_delivered_too(world: Provinces) -> None:
    """A cancel by the engine itself, such as at home's gateway, stands in all three books."""
    own_id = id_of(world.asked(settle("Q1")))
    world.nodes[HOME].engine.cancel(INSTITUTION, "Q2", own_id)
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)


def test_a_burst_of_unknown_requests_is_withdrawn_at_once(world: Provinces) -> None:
    """An area that cannot be reached is not asked for each of them, and all come to an end."""
    many = 3 * limits.UNKNOWNS_AT_ONCE_MAX
    cases = world.nodes[CARE].cases
    for number in range(many):
        opened = Unknown(
            INSTITUTION, f"Q{number}", "SettleScoped", HOME, b"", b"d" * 32, f"P{number}"
        )
        assert cases.open_unknown(opened)
    world.fates.extend([Fate(refused=True)] * 400)
    world.wait(3 * limits.UNKNOWN_GRACE_SECONDS)

    assert many == sum(each.kind == "tombstone" for each in world.entries(CARE))
    whole(world)
    assert "REQUEST_REVERSED" == world.asked(settle("Q0", person="P0")).reason
