"""Messages: recorded once under their request ids, found by their subjects, never reversed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.core.messages import Message, MessageState
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Opening
from medsettle.engine import Engine

from tests.engine.engines import engine_on, id_of, outcomes, settle, settled, stay
from tests.service.claims import AREA, INSTITUTION, claim

pytestmark = pytest.mark.both_stores

_VISIT = Message(
    INSTITUTION, "M1", AREA, "P1", "2201", "E1", {"psn_no": "P1", "dept": "内科", "bed": None}
)
_SIGN_IN = Message(INSTITUTION, "M2", "", "", "9001", "T1", {"opter_no": "007", "tries": [1, 2]})


def _never() -> Mapping[str, object]:
    raise AssertionError("a message that is recorded is not decided again")


def _answering(**answer: object) -> Callable[[], Mapping[str, object]]:
    return lambda: answer


@pytest.mark.parametrize("message", [_VISIT, _SIGN_IN], ids=["of-a-person", "of-nobody"])
def test_a_message_is_answered_once(tmp_path: Path, message: Message) -> None:
    """A repetition gets the recorded answer, after a restart too, and nothing more is recorded."""
    with engine_on(tmp_path) as engine:
        first = engine.messages.record(message, _answering(mdtrt_id="E1", none=None))
        assert (message, {"mdtrt_id": "E1", "none": None}, 1, False) == (
            first.message,
            first.answer,
            first.seq,
            first.duplicate,
        )
    with engine_on(tmp_path) as engine:
        again = engine.messages.record(message, _never)
        assert replace(first, duplicate=True) == again
        assert first == engine.messages.find(INSTITUTION, message.request_id)
        assert {message.subject: [first]} == engine.messages.of([message.subject, "E9"])
        assert 1 == engine.ledger.last_seq()


@pytest.mark.parametrize(
    "changes",
    [
        {"content": {"psn_no": "P2"}},
        {"kind": "2203"},
        {"subject": "E2"},
        {"person": "P2"},
        {"pooling_area": "999901"},
    ],
)
def test_other_content_under_the_same_id_is_refused(
    engine: Engine, changes: dict[str, object]
) -> None:
    """Whatever differs, and of another institution it is another message."""
    engine.messages.record(_VISIT, _answering())

    with pytest.raises(errors.RequestIdReused, match=r"M1.*the message 999900") as refused:
        engine.messages.record(replace(_VISIT, **changes), _never)  # type: ignore[arg-type]
    assert engine.messages.id_of(_VISIT) == refused.value.metadata["entry"]
    other = engine.messages.record(replace(_VISIT, institution="H9"), _answering())
    assert (2, False) == (other.seq, other.duplicate)


def test_an_id_is_of_one_thing_only(engine: Engine) -> None:
    """A claim, an opening and a message are no repetition of one another."""
    settled(engine, claim(1))
    with pytest.raises(errors.RequestIdReused):
        engine.messages.record(replace(_VISIT, request_id="R1"), _never)
    engine.messages.record(replace(_VISIT, request_id="R2"), _answering())
    assert ["REQUEST_ID_REUSED"] == [each.name for each in outcomes(settle(engine, claim(2)))]
    with pytest.raises(errors.RequestIdReused):
        engine.open_person(Opening(INSTITUTION, "R2", AREA, "P1", 1, ()))
    assert engine.messages.find(INSTITUTION, "R1") is None


@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        (errors.NotFound("no such visit", mdtrt_id="E9"), True),
        (errors.AccountSpent("spent"), True),
        (errors.InvalidRequest([errors.Fault("cnt", "missing")]), False),
        (errors.LedgerUnavailable("away"), False),
    ],
)
def test_a_refusal_is_kept_where_it_is_of_the_state_of_things(
    engine: Engine, error: errors.SettlementError, recorded: bool
) -> None:
    """What may pass is repeated under its id for good; a malformed message may be put right."""

    def refuse() -> Mapping[str, object]:
        raise error

    with pytest.raises(type(error)):
        engine.messages.record(_VISIT, refuse)
    assert int(recorded) == engine.ledger.last_seq()
    if recorded:
        with pytest.raises(type(error), match=error.message) as again:
            engine.messages.record(_VISIT, _never)
        assert "true" == again.value.metadata["duplicate"]
    else:
        assert not engine.messages.record(_VISIT, _answering()).duplicate
    assert ([] if recorded else ["E1"]) == list(engine.messages.of(["E1"]))


def test_a_message_is_not_reversed(engine: Engine) -> None:
    """A registration has a cancel of its own; what is said of the request names a message."""
    engine.messages.record(_VISIT, _answering())
    with pytest.raises(errors.NotReversible, match="of the kind message"):
        engine.reverse(INSTITUTION, "M1", "X1")

    state = engine.find_request(INSTITUTION, "M1")
    assert (RequestStatus.COMMITTED, "message", AREA, 1) == (
        state.status,
        state.kind,
        state.pooling_area,
        state.seq,
    )
    assert engine.messages.id_of(_VISIT) == state.entry
    with pytest.raises(errors.NotFound):
        engine.get(state.entry)


def test_a_message_that_was_reversed_before_it_arrived_is_never_recorded(engine: Engine) -> None:
    """A tombstone under its id is final, as for a settlement."""
    reversal = engine.reverse(INSTITUTION, "M1", "X1")
    assert RequestStatus.TOMBSTONE is reversal.original.status

    with pytest.raises(errors.RequestReversed):
        engine.messages.record(_VISIT, _never)
    assert engine.messages.find(INSTITUTION, "M1") is None
    assert {} == engine.messages.of(["E1"])


def test_messages_are_told_in_order(engine: Engine) -> None:
    """Of several subjects at once, of a person whoever told them, and never a settlement."""
    said = [
        _VISIT,
        replace(_VISIT, request_id="M3", kind="2204", content={"lines": [{"cnt": "1.00"}]}),
        replace(_VISIT, request_id="M4", subject="E2", institution="H9"),
        replace(_VISIT, request_id="M5", subject="E3", person="P2"),
    ]
    for number, message in enumerate(said):
        engine.messages.record(message, _answering(number=number))
        settled(engine, claim(number, person="P1"))

    found = engine.messages.of(["E2", "E1"])
    assert {"E1": said[:2], "E2": [said[2]]} == {
        subject: [each.message for each in states] for subject, states in found.items()
    }
    assert [0, 1] == [each.answer["number"] for each in found["E1"]]
    assert said[:3] == [each.message for each in engine.messages.of_person(AREA, "P1")]
    settlements = engine.page(person="P1", limit=10)
    assert [2, 4, 6, 8] == [each.columns["seq"] for each in settlements]


def test_a_message_may_name_what_it_begins(engine: Engine) -> None:
    """Its id is made of its request alone, fits the national field of 30 and is no settlement's."""
    subject = engine.messages.id_of(_VISIT)
    assert subject.isalnum()
    assert (26, AREA) == (len(subject), subject[:6])
    assert engine.messages.id_of(replace(_VISIT, subject=subject, content={})) == subject

    engine.messages.record(replace(_VISIT, subject=subject), _answering(mdtrt_id=subject))
    paid = settled(engine, stay(2) | {"encounter": subject})
    assert subject != id_of(paid)
    assert [subject] == [each.message.subject for each in engine.messages.of([subject])[subject]]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"request_id": ""}, "request_id"),
        ({"institution": "H 1"}, "institution"),
        ({"kind": ""}, "kind"),
        ({"subject": ""}, "subject"),
        ({"subject": "S" * (limits.SUBJECT_CHARS_MAX + 1)}, "subject"),
        ({"person": "P" * (limits.PERSON_CHARS_MAX + 1)}, "person"),
        ({"pooling_area": ""}, "pooling_area"),
    ],
)
def test_a_malformed_message_is_refused_by_its_field(
    engine: Engine, changes: dict[str, object], path: str
) -> None:
    """One fault is one path; the longest subject is a subject."""
    with pytest.raises(errors.InvalidRequest) as refused:
        engine.messages.record(replace(_VISIT, **changes), _never)  # type: ignore[arg-type]
    assert [path] == [fault.path for fault in refused.value.faults]
    longest = replace(_VISIT, subject="S" * limits.SUBJECT_CHARS_MAX)
    assert 1 == engine.messages.record(longest, _answering()).seq


def test_a_message_has_room_for_a_file_and_no_more(engine: Engine) -> None:
    """At the bound it is recorded; a byte more is refused, and nothing is."""
    empty = replace(_SIGN_IN, content={"in": ""})
    own = len('{"message":"9001","content":{"in":""},"answer":{}}')
    most = "x" * (limits.TOLD_BYTES_MAX - own)

    with pytest.raises(errors.InvalidRequest, match=str(limits.TOLD_BYTES_MAX)):
        engine.messages.record(replace(empty, content={"in": most + "x"}), _answering())
    assert 0 == engine.ledger.last_seq()
    engine.messages.record(replace(empty, content={"in": most}), _answering())
    assert most == engine.messages.of(["T1"])["T1"][0].message.content["in"]


def test_what_is_no_json_is_a_bug_and_leaves_nothing(engine: Engine) -> None:
    """An object of Python is no content."""
    with pytest.raises(TypeError):
        engine.messages.record(replace(_VISIT, content={"at": object()}), _answering())
    with pytest.raises(TypeError):
        engine.messages.record(_VISIT, _answering(at=object()))
    assert 0 == engine.ledger.last_seq()


def test_the_books_have_nothing_of_a_message(engine: Engine) -> None:
    """Counters stay, and the ledger verifies."""
    settled(engine, claim(1, person="P1"))
    before = engine.person(AREA, "P1")
    engine.messages.record(_VISIT, _answering())

    assert before == engine.person(AREA, "P1")
    assert engine.ledger.verify() is None  # type: ignore[attr-defined]


def _told(number: int, subject: str, person: str = "") -> Message:
    """Return a message about a subject; about no person unless one is given."""
    area = AREA if person else ""
    return Message(INSTITUTION, f"B{number}", area, person, "9001", subject, {"n": number})


def test_messages_of_one_moment_share_a_commit(tmp_path: Path) -> None:
    """Each has its own answer: recorded, repeated, refused, or malformed."""

    def refuse() -> Mapping[str, object]:
        raise errors.NotFound("no visit has that id")

    with engine_on(tmp_path) as engine:
        engine.messages.record(_told(1, "V1"), _answering(n=1))
        first, again, other, refused, malformed, last = engine.messages.record_all(
            [
                (_told(2, "V2"), _answering(n=2)),
                (_told(1, "V1"), _never),
                (replace(_told(1, "V3")), _never),
                (_told(3, "V4"), refuse),
                (replace(_told(4, "V5"), request_id=""), _never),
                (_told(5, "V6"), _answering(n=5)),
            ]
        )
        assert isinstance(first, MessageState)
        assert isinstance(again, MessageState)
        assert isinstance(last, MessageState)
        assert ({"n": 2}, False) == (first.answer, first.duplicate)
        assert ({"n": 1}, True) == (again.answer, again.duplicate)
        assert isinstance(other, errors.RequestIdReused)
        assert isinstance(refused, errors.NotFound)
        assert isinstance(malformed, errors.InvalidRequest)
        # One commit, one moment; between them the refusal, which is kept under its id.
        assert first.create_time == last.create_time
        assert 2 == last.seq - first.seq
        with pytest.raises(errors.NotFound):
            engine.messages.record(_told(3, "V4"), _never)


def test_messages_that_meet_see_one_another(tmp_path: Path) -> None:
    """Of one subject or person, each is decided by what those before it recorded."""
    with engine_on(tmp_path) as engine:

        def count() -> Mapping[str, object]:
            return {"n": engine.ledger.last_seq()}

        same_subject = [(_told(number, "V1"), count) for number in range(3)]
        same_person = [(_told(number, f"W{number}", "P1"), count) for number in range(3, 6)]
        told = engine.messages.record_all([*same_subject, *same_person])
        seen = [each.answer["n"] for each in told if isinstance(each, MessageState)]
        assert [0, 2, 4, 0, 2, 4] == seen
