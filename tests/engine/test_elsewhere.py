"""What the place of care and a hub record of settlements that another engine decides."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import orjson
import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.settlement import Opening, Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.engine.copies import Copied, side_of
from medsettle.engine.elsewhere import Elsewhere, Standing, Taking
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import claim_digest, content_digest
from medsettle.ledger.opening import LedgerPlace, open_ledger
from medsettle.torture.memory_ledger import MemoryLedger

from tests.engine.engines import id_of
from tests.engine.visits import AREA, DIABETES, SURGERY, injury_stay, line, recognition, register
from tests.engine.visits import visit_row as row_of
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, scoped

_USED = CounterKey(AREA, "P1", "item.bed", 2024)


@pytest.fixture(name="care")
def _care(place: LedgerPlace) -> Iterator[Engine]:
    """Yield the engine of the place of care, on each kind of store."""
    with open_ledger(place) as ledger:
        yield Engine(book_of(CARE), ledger, Ticking())


@pytest.fixture(name="elsewhere")
def _elsewhere(care: Engine) -> Elsewhere:
    return Elsewhere(care.ledger, care.log)


@pytest.fixture(name="home")
def _home() -> Engine:
    """Return the engine that decides."""
    engine = Engine(book_of(AREA), MemoryLedger(), Ticking())
    register(engine, recognition())
    return engine


def _row(number: int, **changes: object) -> dict[str, Any]:
    lines = line(1, SURGERY, 2_000), line(2, DIABETES, 100, approval="1")
    return row_of(*lines, request_id=f"Q{number}", care_area=CARE, **changes)


def _decided(home: Engine, number: int, **changes: object) -> tuple[Taking, Settlement]:
    """Return what home decided of claim `number`, and how it is taken at the place of care."""
    batch = ClaimBatch.from_rows([_row(number, **changes)])
    (answer,) = home.settle(scoped(batch))
    assert isinstance(answer, Settlement), answer
    claim = batch.rows[0]
    asked = Asked("H1", f"Q{number}", claim_digest("settle", claim), AREA, str(claim["person"]))
    return Taking(asked, answer, claim, ((_USED, 3),)), answer


def _cancelled(home: Engine, settlement: Settlement, request_id: str = "C1") -> Taking:
    digest = content_digest("cancel", {"settlement": id_of(settlement)})
    answer = home.cancel("H1", request_id, id_of(settlement))
    return Taking(Asked("H1", request_id, digest, AREA, "P1"), answer)


def _taken(elsewhere: Elsewhere, taking: Taking) -> Copied:
    (taken,) = elsewhere.take([taking])
    assert isinstance(taken, Settlement | Visit), taken
    return taken


def _amounts(settlement: Settlement) -> dict[str, object]:
    return {name: value for name, value in settlement.columns.items() if name.endswith("_fen")}


def test_a_copy_has_the_id_amounts_and_versions(home: Engine, elsewhere: Elsewhere) -> None:
    """It says whose book it stands in, and has its own place there."""
    taking, settlement = _decided(home, 1)
    copy = _taken(elsewhere, taking)
    assert isinstance(copy, Settlement)

    assert not copy.duplicate
    assert ("care", 1) == (copy.columns["side"], copy.columns["seq"])
    versions = ("settlement", "policy", "policy_digest", "catalogue_digest", "care_area")
    assert [settlement.columns[name] for name in versions] == [
        copy.columns[name] for name in versions
    ]
    assert _amounts(settlement) == _amounts(copy)
    assert settlement.paid_by_fund() == copy.paid_by_fund()
    assert copy == elsewhere.recorded(id_of(settlement))


def test_what_was_taken_is_known(home: Engine, elsewhere: Elsewhere) -> None:
    """The same request is answered from the record, other content under its id is refused."""
    taking, _ = _decided(home, 1)
    assert elsewhere.known(taking.asked) is None
    copy = _taken(elsewhere, taking)

    again = elsewhere.known(taking.asked)
    assert isinstance(again, Settlement)
    assert again.duplicate
    assert copy == replace(again, duplicate=False)
    with pytest.raises(errors.RequestIdReused):
        elsewhere.known(taking.asked._replace(digest=b"x" * 32))
    assert again == _taken(elsewhere, taking)


def test_a_copy_moves_what_its_catalogue_limits_and_nothing_else(
    home: Engine, care: Engine, elsewhere: Elsewhere
) -> None:
    """The quantity is counted and comes back with the cancel; no benefit of the person moves."""
    taking, settlement = _decided(home, 1)
    _taken(elsewhere, taking)
    keys = [_USED, CounterKey(AREA, "P1", ACCOUNT, 0)]

    assert {_USED: 3} == {k: v for k, v in care.ledger.counters(keys).items() if v}
    _taken(elsewhere, _cancelled(home, settlement))
    assert {} == {k: v for k, v in care.ledger.counters(keys).items() if v}


def test_a_number_is_used_once(home: Engine, elsewhere: Elsewhere) -> None:
    """Across areas, of copies in one commit too; what was not taken is for home to take back."""
    first, _ = _decided(home, 1, institution_settlement="N1")
    (other,) = ClaimBatch.from_rows([_row(2, institution_settlement="N1", person="P2")]).rows
    digest = claim_digest("settle", other)
    answer = first.answer
    assert isinstance(answer, Settlement)
    columns = answer.columns | {"settlement": "another", "request_id": "Q2", "person": "P2"}
    second = Taking(Asked("H1", "Q2", digest, AREA, "P2"), replace(answer, columns=columns), other)

    told = elsewhere.take([first, second])

    assert isinstance(told[0], Settlement)
    assert isinstance(told[1], errors.DuplicateSettlement)
    with pytest.raises(errors.DuplicateSettlement):
        elsewhere.refuse_used_number("H1", "N1")
    elsewhere.refuse_used_number("H1", "N2")
    elsewhere.refuse_used_number("H1", None)


def test_a_refusal_is_told_for_good(home: Engine, elsewhere: Elsewhere) -> None:
    """What home refused is refused here, marked duplicate; a copy that comes later is not taken."""
    taking, _ = _decided(home, 1)
    elsewhere.refuse(taking.asked, errors.PolicyNotFound("none", policy="p"))
    elsewhere.refuse(taking.asked, errors.PolicyGap("another"))

    with pytest.raises(errors.PolicyNotFound) as refused:
        elsewhere.known(taking.asked)
    assert {"policy": "p", "duplicate": "true"} == refused.value.metadata
    (told,) = elsewhere.take([taking])
    assert isinstance(told, errors.PolicyNotFound)
    assert Standing.NOT_TAKEN is elsewhere.standing(taking.answer)


def test_what_may_pass_is_not_recorded(home: Engine, elsewhere: Elsewhere) -> None:
    """A malformed request and an outage are no answers for good."""
    taking, _ = _decided(home, 1)
    for error in (errors.InvalidRequest([]), errors.LedgerUnavailable("away")):
        elsewhere.refuse(taking.asked, error)

    assert elsewhere.known(taking.asked) is None
    assert isinstance(_taken(elsewhere, taking), Settlement)


def test_a_refusal_does_not_undo_a_copy(home: Engine, elsewhere: Elsewhere) -> None:
    """What is recorded under the id stays its answer."""
    taking, _ = _decided(home, 1)
    copy = _taken(elsewhere, taking)
    elsewhere.refuse(taking.asked, errors.PolicyNotFound("none"))

    assert copy == replace(_known(elsewhere, taking), duplicate=False)


def _known(elsewhere: Elsewhere, taking: Taking) -> Settlement:
    found = elsewhere.known(taking.asked)
    assert isinstance(found, Settlement)
    return found


def test_a_withdrawn_request_never_settles(
    home: Engine, care: Engine, elsewhere: Elsewhere
) -> None:
    """The tombstone is one, and a copy that comes after it is not taken."""
    taking, _ = _decided(home, 1)
    assert elsewhere.withdraw("H1", "Q1")
    assert elsewhere.withdraw("H1", "Q1")

    (told,) = elsewhere.take([taking])
    assert isinstance(told, errors.RequestReversed)
    with pytest.raises(errors.RequestReversed):
        elsewhere.known(taking.asked)
    assert Standing.NOT_TAKEN is elsewhere.standing(taking.answer)
    assert 1 == care.ledger.last_seq()


def test_what_is_settled_is_not_withdrawn(home: Engine, elsewhere: Elsewhere) -> None:
    """A settlement under the id decides, and stands."""
    taking, _ = _decided(home, 1)
    _taken(elsewhere, taking)

    assert not elsewhere.withdraw("H1", "Q1")
    assert Standing.AGREED is elsewhere.standing(taking.answer)


def test_a_cancel_takes_back_once(home: Engine, elsewhere: Elsewhere) -> None:
    """One of nothing here, and a second one of the same, are not taken."""
    taking, settlement = _decided(home, 1)
    cancel = _cancelled(home, settlement)
    (before,) = elsewhere.take([cancel])
    assert isinstance(before, errors.NotFound)
    _taken(elsewhere, taking)
    copy = _taken(elsewhere, cancel)
    assert isinstance(copy, Settlement)

    assert -settlement.fen("total_fen") == copy.fen("total_fen")
    (again,) = elsewhere.take([replace(cancel, asked=cancel.asked._replace(request_id="C2"))])
    assert isinstance(again, errors.NotFound)


_Event = Callable[[Elsewhere], object]


@pytest.mark.parametrize(
    "order", [*permutations(("take", "deliver", "withdraw", "take back"))], ids="-".join
)
def test_every_order_of_a_settlement_and_its_reversal(
    home: Engine, care: Engine, elsewhere: Elsewhere, order: tuple[str, ...]
) -> None:
    """Whatever comes first, what was withdrawn or reversed does not stand, and nothing is twice."""
    taking, settlement = _decided(home, 1)
    reversal = home.reverse("H1", "Q1", "R1").original.taken_back_by
    negative = home.get(reversal)
    events: dict[str, _Event] = {
        "take": lambda desk: desk.take([taking]),
        "deliver": lambda desk: desk.standing(settlement),
        "withdraw": lambda desk: desk.withdraw("H1", "Q1"),
        "take back": lambda desk: desk.standing(negative),
    }
    for name in order:
        events[name](elsewhere)
    told = [elsewhere.standing(settlement), elsewhere.standing(negative)]

    copy = care.ledger.settlement(id_of(settlement))
    if copy is None:
        assert [Standing.NOT_TAKEN, Standing.AGREED] == told
        assert ["tombstone"] == [each.kind for each in care.ledger.page(after_seq=0, limit=9)]
    else:
        assert [Standing.AGREED] * 2 == told
        assert care.ledger.cancel_of(id_of(settlement)) is not None
        assert ["settle", "cancel"] == [
            each.kind for each in care.ledger.page(after_seq=0, limit=9)
        ]


@pytest.mark.parametrize("order", [*permutations(("answer", "deliver", "deliver again"))])
def test_every_order_of_a_cancel(
    home: Engine, care: Engine, elsewhere: Elsewhere, order: tuple[str, ...]
) -> None:
    """A cancel that home accepted is recorded by whatever brings it first, and once."""
    taking, settlement = _decided(home, 1)
    _taken(elsewhere, taking)
    cancel = _cancelled(home, settlement)
    for name in order:
        if name == "answer":
            _taken(elsewhere, cancel)
        else:
            assert Standing.AGREED is elsewhere.standing(cancel.answer)

    assert ["settle", "cancel"] == [each.kind for each in care.ledger.page(after_seq=0, limit=9)]
    known = elsewhere.known(cancel.asked)
    assert known is not None
    assert known.duplicate


def test_only_copies_are_taken_back_from_elsewhere(home: Engine, care: Engine) -> None:
    """What was decided here is not taken back by what another area delivers."""
    elsewhere = Elsewhere(home.ledger, home.log)
    home.open_person(Opening("H1", "O1", AREA, "P1", 50_000))
    (local,) = home.settle(ClaimBatch.from_rows([row_of(line(1, SURGERY, 900), request_id="L1")]))
    assert isinstance(local, Settlement)
    account = home.person(AREA, "P1").account_fen
    forged = replace(
        local,
        columns=local.columns
        | {"kind": "cancel", "settlement": "forged", "original": id_of(local), "request_id": "F1"},
    )

    elsewhere.standing(forged)

    assert home.ledger.settlement("forged") is None
    assert home.ledger.cancel_of(id_of(local)) is None
    assert account == home.person(AREA, "P1").account_fen
    assert care.ledger.last_seq() == 0


def test_a_visit_is_copied_whole(home: Engine, care: Engine, elsewhere: Elsewhere) -> None:
    """Its parts come with it, its use is counted once, and it is taken back as one."""
    batch = ClaimBatch.from_rows([injury_stay(care_area=CARE)])
    visit = home.visits.settle(scoped(batch))
    asked = Asked("H1", "V1", claim_digest("visit", batch.rows[0]), AREA, "P1")
    copy = _taken(elsewhere, Taking(asked, visit, batch.rows[0], ((_USED, 2),)))
    assert isinstance(copy, Visit)

    assert [id_of(each) for each in visit.settlements] == [id_of(each) for each in copy.settlements]
    assert [_amounts(each) for each in visit.settlements] == [
        _amounts(each) for each in copy.settlements
    ]
    assert {"care"} == {each.columns["side"] for each in copy.settlements}
    assert 2 == care.ledger.counters([_USED])[_USED]
    assert copy == replace(elsewhere.known(asked), duplicate=False)  # type: ignore[type-var]
    back = home.visits.cancel("H1", "C1", str(visit.visit))
    assert Standing.AGREED is elsewhere.standing(back)
    assert 0 == care.ledger.counters([_USED]).get(_USED, 0)
    assert care.ledger.cancel_of(str(visit.visit)) is not None


def test_what_a_newer_engine_says_is_kept_as_it_came(
    home: Engine, care: Engine, elsewhere: Elsewhere
) -> None:
    """Of a settlement and of a visit, in the record of what was asked for."""
    taking, settlement = _decided(home, 1)
    _taken(elsewhere, replace(taking, as_sent=b"\x00newer"))
    batch = ClaimBatch.from_rows([injury_stay(care_area=CARE)])
    visit = home.visits.settle(scoped(batch))
    asked = Asked("H1", "V1", claim_digest("visit", batch.rows[0]), AREA, "P1")
    _taken(elsewhere, Taking(asked, visit, batch.rows[0], as_sent=b"\x01newer"))

    for record, sent in ((id_of(settlement), "AG5ld2Vy"), (str(visit.visit), "AW5ld2Vy")):
        recorded = care.ledger.settlement(record)
        assert recorded is not None
        assert sent == orjson.loads(recorded.record)["as_sent"]


def test_a_hub_keeps_each_once(home: Engine, care: Engine, elsewhere: Elsewhere) -> None:
    """In whatever order they come: what takes back waits for what it takes back."""
    _, first = _decided(home, 1)
    _, second = _decided(home, 2)
    cancel = _cancelled(home, first).answer

    assert [False] == elsewhere.keep([cancel], [None])
    assert [True, False, True] == elsewhere.keep([second, cancel, first], [None] * 3)
    assert [True] * 3 == elsewhere.keep([first, cancel, second], [None, None, b"late"])

    page = care.ledger.page(after_seq=0, limit=9)
    assert [id_of(second), id_of(first), str(cancel.columns["settlement"])] == [  # type: ignore[union-attr]
        each.settlement for each in page
    ]
    assert {"hub"} == {side_of(each) for each in page}
    assert elsewhere.copy_of(id_of(first)) is None


def test_a_hub_keeps_what_it_does_not_know(
    home: Engine, care: Engine, elsewhere: Elsewhere
) -> None:
    """The bytes stand beside the copy."""
    _, settlement = _decided(home, 1)
    elsewhere.keep([settlement], [b"\x00newer"])
    recorded = care.ledger.settlement(id_of(settlement))

    assert recorded is not None
    assert "AG5ld2Vy" == orjson.loads(recorded.record)["as_sent"]


def test_copies_are_found_by_their_request(home: Engine, elsewhere: Elsewhere) -> None:
    """Only what stands in the book of the place of care is one."""
    taking, settlement = _decided(home, 1)
    assert elsewhere.copy_under("H1", "Q1") is None
    _taken(elsewhere, taking)
    elsewhere.withdraw("H1", "Q2")

    found = elsewhere.copy_under("H1", "Q1")
    assert found is not None
    assert id_of(settlement) == found.settlement
    assert elsewhere.copy_under("H1", "Q2") is None
    with pytest.raises(errors.NotFound):
        elsewhere.recorded("nothing")
