"""One order of events each: what a till is told, and what stands in the three books."""

import pytest
from medsettle.torture.provinces_servers import HUB, NAMES
from medsettle.torture.requests import Request

from tests.peers.moves import (
    CARE,
    HOME,
    INSTITUTION,
    cancel,
    cancel_visit,
    reverse,
    settle,
    visit,
)
from tests.peers.simulated import Provinces
from tests.peers.simulated_loop import Fate
from tests.peers.three_books import everywhere, id_of, standing, whole

_LOST = Fate(there=None)
_UNANSWERED = Fate(back=None)
# Past the moment at which whoever asked gives up.
_LATE = Fate(there=9.0)
_NOT_SENT = Fate(refused=True)
# What is under way at the place of care is asked for at the hub first.
_ARRIVES = Fate()


def test_a_settlement_and_its_cancel_stand_in_three_books(world: Provinces) -> None:
    """With a network that works, what is told is recorded at once by two, and soon by the hub."""
    own_id = id_of(world.asked(settle("Q1")))
    assert {"care": "stands", "home": "stands", "hub": "absent"} == standing(world, own_id)

    whole(world)
    assert everywhere("stands") == standing(world, own_id)
    assert world.asked(cancel("Q2", own_id)).done
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)


@pytest.mark.parametrize("fate", [_LOST, _UNANSWERED, _LATE], ids=["lost", "unanswered", "late"])
@pytest.mark.parametrize("hop", [0, 1], ids=["to the hub", "beyond it"])
def test_an_answer_that_does_not_come_is_withdrawn(world: Provinces, fate: Fate, hop: int) -> None:
    """Where nobody sends it again, nothing stands anywhere, and the id is used up."""
    world.fates.extend([_ARRIVES] * hop + [fate])

    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q1")).reason
    assert world.nodes[CARE].care.resolving(INSTITUTION, "Q1")
    whole(world)

    assert "REQUEST_REVERSED" == world.asked(settle("Q1")).reason
    areas, hub = world.books()
    for book in (*areas.values(), hub):
        settled = [each.record for each in book.held.values() if each.original is None]
        assert not [each for each in settled if book.stands(each)]


def test_the_same_request_sent_again_is_settled_once(world: Provinces) -> None:
    """What home recorded the first time answers the second, with the same id and amounts."""
    world.fates.append(_UNANSWERED)
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q1")).reason

    again = world.asked(settle("Q1"))
    whole(world)

    assert everywhere("stands") == standing(world, id_of(again))
    assert 1 == sum(each.kind == "settle" for each in world.entries(HOME))


def test_what_was_not_sent_may_be_sent_again(world: Provinces) -> None:
    """Nothing is opened for it, and nothing is known of it."""
    world.fates.append(_NOT_SENT)

    assert "PEER_UNREACHABLE" == world.asked(settle("Q1")).reason
    assert [] == world.open_cases()
    assert world.asked(settle("Q1")).done
    whole(world)


def test_an_attempt_that_was_not_sent_leaves_an_unknown_one_unknown(world: Provinces) -> None:
    """The second attempt says nothing of the first."""
    world.fates.append(_UNANSWERED)
    world.asked(settle("Q1"))
    world.fates.append(_NOT_SENT)

    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q1")).reason
    whole(world)


def test_an_unknown_id_is_not_used_for_something_else(world: Provinces) -> None:
    """While its outcome is found out, other content under the id is refused, and not sent."""
    first = world.asked(settle("Q1"))
    world.fates.append(_UNANSWERED)
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q2")).reason

    for other in (settle("Q2", 500), cancel("Q2", id_of(first)), reverse("Q2", "Q1")):
        assert "REQUEST_ID_REUSED" == world.asked(other).reason
    whole(world)

    assert everywhere("stands") == standing(world, id_of(first))


def test_a_lost_id_is_not_used_for_a_cancel(world: Provinces) -> None:
    """A claim that never arrived leaves its id to nobody else: the cancel would be one-sided."""
    first = world.asked(settle("Q1"))
    world.fates.append(_LOST)
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q2")).reason
    world.fates.append(_UNANSWERED)

    assert "REQUEST_ID_REUSED" == world.asked(cancel("Q2", id_of(first))).reason
    whole(world)

    assert everywhere("stands") == standing(world, id_of(first))


@pytest.mark.parametrize("fate", [_LOST, _UNANSWERED, _LATE], ids=["lost", "unanswered", "late"])
def test_a_cancel_is_sent_again_until_it_is_answered(world: Provinces, fate: Fate) -> None:
    """Who asked for it wants it, and it needs nobody to ask again."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.append(fate)

    assert "OUTCOME_UNKNOWN" == world.asked(cancel("Q2", own_id)).reason
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)
    assert world.asked(cancel("Q2", own_id)).done


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps its cases", "loses them"])
@pytest.mark.parametrize("what", ["settle", "cancel"])
def test_the_place_of_care_dies_before_the_answer(
    world: Provinces, what: str, forgets: bool
) -> None:
    """A settlement that it never recorded is reversed; a cancel that home accepted is final."""
    own_id = id_of(world.asked(settle("Q1")))
    whole(world)
    world.fates.append(Fate(back=1.0))
    world.ask(settle("Q2") if what == "settle" else cancel("Q2", own_id))
    world.wait(0.5)

    world.die(CARE, forgets=forgets)
    whole(world)

    word = "stands" if what == "settle" else "taken back"
    assert everywhere(word) == standing(world, own_id)
    last = world.entries(HOME)[-1]
    assert "cancel" == last.kind


def test_home_dies_after_its_commit(world: Provinces) -> None:
    """Its delivery is found in the ledger again, and the same request is answered from there."""
    world.fates.append(_UNANSWERED)
    world.asked(settle("Q1"))

    world.die(HOME, forgets=True)
    again = world.asked(settle("Q1"))
    whole(world)

    assert everywhere("stands") == standing(world, id_of(again))


def test_a_settlement_comes_late_after_its_tombstone(world: Provinces) -> None:
    """Reversed before it arrived, it never settles, whoever sees it first."""
    world.fates.append(Fate(there=30.0))
    assert "OUTCOME_UNKNOWN" == world.asked(settle("Q1")).reason
    assert world.asked(reverse("Q2", "Q1")).done

    whole(world)

    assert "REQUEST_REVERSED" == world.asked(settle("Q1")).reason
    assert not [each for each in world.entries(HOME) if each.kind == "settle"]


def test_a_reversal_waits_for_what_is_under_way(world: Provinces) -> None:
    """It takes back what its original becomes, and does not withdraw it beforehand."""
    world.fates.append(Fate(there=1.0, back=1.0))
    asking = world.ask(settle("Q1"))
    world.spin()

    assert world.asked(reverse("Q2", "Q1")).done
    whole(world)

    own_id = id_of(asking.result())
    assert everywhere("taken back") == standing(world, own_id)


def test_a_reversal_of_a_cancel_that_is_not_known_yet(world: Provinces) -> None:
    """Whether home accepted the cancel is not known, so neither is what a reversal would do."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.append(_UNANSWERED)
    world.asked(cancel("Q2", own_id))

    assert "OUTCOME_UNKNOWN" == world.asked(reverse("Q3", "Q2")).reason
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)


@pytest.mark.parametrize("fate", [_LOST, _UNANSWERED, _LATE], ids=["lost", "unanswered", "late"])
def test_a_reversal_without_an_answer_is_done_in_the_end(world: Provinces, fate: Fate) -> None:
    """It is final once accepted, like a cancel."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.append(fate)

    assert "OUTCOME_UNKNOWN" == world.asked(reverse("Q2", "Q1")).reason
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)


@pytest.mark.parametrize(
    ("request_id", "reason"),
    [("", "INVALID_REQUEST"), ("Q" * 65, "INVALID_REQUEST"), ("Q1", "REQUEST_ID_REUSED")],
)
def test_a_reversal_that_is_refused_leaves_nothing_open(
    world: Provinces, request_id: str, reason: str
) -> None:
    """What the place of insurance does not accept is decided, though no refusal is recorded."""
    own_id = id_of(world.asked(settle("Q1")))

    assert reason == world.asked(reverse(request_id, "Q1")).reason
    assert not world.nodes[CARE].cases.unknowns()
    whole(world)

    assert everywhere("stands") == standing(world, own_id)


def test_a_reversal_is_repeated_after_its_delivery(world: Provinces) -> None:
    """Recorded as home delivered it, it is answered by the record though its case is still open."""
    id_of(world.asked(settle("Q1")))
    whole(world)
    world.fates.append(_UNANSWERED)
    assert "OUTCOME_UNKNOWN" == world.asked(reverse("Q2", "Q1")).reason
    care = world.nodes[CARE]
    delivered = [each for each in world.entries(HOME) if each.kind == "cancel"]
    assert 1 == len(delivered)
    care.care.elsewhere.standing(world.nodes[HOME].care.elsewhere.recorded(delivered[0].settlement))

    assert world.asked(reverse("Q2", "Q1")).done
    whole(world)


def test_cancel_and_reversal_at_once_take_back_once(world: Provinces) -> None:
    """Both are done or one is refused, and one record takes the settlement back everywhere."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.extend([Fate(there=1.0), Fate(there=0.5)])
    asking = [world.ask(cancel("Q2", own_id)), world.ask(reverse("Q3", "Q1"))]
    world.wait(5.0)
    assert {"", "ALREADY_CANCELLED"} >= {each.result().reason for each in asking}
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)
    assert 1 == sum(each.kind == "cancel" for each in world.entries(CARE))


def test_one_number_is_one_settlement(world: Provinces) -> None:
    """Two claims under one number, settled at home in the same moment: one is taken back there."""
    both = [settle(each, institution_settlement="N1", person=each) for each in ("Q1", "Q2")]
    asking: list[object] = [world.ask(each) for each in both]
    world.wait(3.0)
    reasons = sorted(each.result().reason for each in asking)  # type: ignore[attr-defined]
    whole(world)

    assert ["", "DUPLICATE_SETTLEMENT"] == reasons
    areas, _ = world.books()
    assert 1 == sum(areas[HOME].stands(each) for each in areas[HOME].held)


@pytest.mark.parametrize("fate", [_ARRIVES, _LOST, _UNANSWERED, _LATE])
def test_visits_are_taken_back_as_a_whole(world: Provinces, fate: Fate) -> None:
    """A visit and its cancel are the same in three books, whatever became of the answers."""
    own_id = id_of(world.asked(visit("Q1")))
    world.fates.append(fate)
    world.asked(cancel_visit("Q2", own_id))
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)
    assert world.asked(cancel_visit("Q2", own_id)).done


def test_the_hub_forgets_nothing_that_it_was_away_for(world: Provinces) -> None:
    """A settlement and its cancel, delivered after the hub came back in whatever order."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.extend([_ARRIVES, _ARRIVES])
    assert world.asked(cancel("Q2", own_id)).done
    world.fates.extend([_NOT_SENT] * 12)
    world.wait(20.0)
    world.die(HUB)
    whole(world)

    assert everywhere("taken back") == standing(world, own_id)


def test_a_delivery_twice_is_kept_once(world: Provinces) -> None:
    """Messages that come again, even much later, change nothing in any book."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.extend([Fate(again=1.0), Fate(again=50.0)] * 3)
    world.wait(3.0)
    before = {name: len(world.entries(name)) for name in NAMES}
    whole(world)

    assert before == {name: len(world.entries(name)) for name in NAMES}
    assert everywhere("stands") == standing(world, own_id)


def _reasons(world: Provinces, *requests: Request) -> list[str]:
    return [world.asked(each).reason for each in requests]


def test_a_refusal_is_the_same_at_both(world: Provinces) -> None:
    """What home refuses is recorded by both, and said again without asking."""
    refused = settle("Q1", visit_type="99")
    (first,) = _reasons(world, refused)
    world.fates.extend([_NOT_SENT] * 4)

    assert "POLICY_NOT_FOUND" == first
    assert [first] == _reasons(world, refused)
    assert {"refusal"} == {each.kind for name in (CARE, HOME) for each in world.entries(name)}


def test_an_id_that_is_open_elsewhere_is_not_used_here(world: Provinces) -> None:
    """A claim that is decided here, too, needs an id of its own while the other is open."""
    first = world.asked(settle("Q1"))
    world.fates.append(_UNANSWERED)
    assert "OUTCOME_UNKNOWN" == world.asked(cancel("Q2", id_of(first))).reason

    local = settle("Q2", pooling_area=CARE)
    assert "REQUEST_ID_REUSED" == world.asked(local).reason
    whole(world)

    assert everywhere("taken back") == standing(world, id_of(first))
    assert "REQUEST_ID_REUSED" == world.asked(local).reason


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps its cases", "loses them"])
def test_a_till_asks_again_after_a_restart(world: Provinces, forgets: bool) -> None:
    """What home recorded is young and left to the till: the same request is answered by it."""
    world.fates.append(Fate(back=1.0))
    world.ask(settle("Q1"))
    world.wait(0.5)
    world.die(CARE, forgets=forgets)
    world.wait(5.0)

    again = world.asked(settle("Q1"))
    whole(world)

    assert everywhere("stands") == standing(world, id_of(again))


def test_a_reversal_that_a_cancel_overtakes_is_answered(world: Provinces) -> None:
    """Sent again, it finds its original taken back by another, and that is its answer."""
    own_id = id_of(world.asked(settle("Q1")))
    world.fates.append(_LOST)
    assert "OUTCOME_UNKNOWN" == world.asked(reverse("Q2", "Q1")).reason
    assert world.asked(cancel("Q3", own_id)).done

    again = world.asked(reverse("Q2", "Q1"))

    assert again.done
    assert again.duplicate
    whole(world)
    assert everywhere("taken back") == standing(world, own_id)
