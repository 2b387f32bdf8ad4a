"""What is not believed, and what stays open for a person to look at."""

from medsettle import limits
from medsettle.peers.handler import Caller
from medsettle.peers.home_desk import reversal_id

from tests.peers.moves import CARE, HOME, INSTITUTION, settle
from tests.peers.simulated import Provinces
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
    world.asked(settle("Q2"))
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q3")).reason
    home.answer = answer  # type: ignore[method-assign]
    whole(world)

    assert everywhere("stands") == standing(world, id_of(first))
    assert "REQUEST_REVERSED" == world.asked(settle("Q3")).reason


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
