"""Claims whose lines another engine split: recorded, explained, settled again, taken back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.books.resettling import Resettling
from medsettle.client.answers import settlement_of
from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import NON_LOCAL_PAY_TYPE, POT_NAMES
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.entries import Recorded
from medsettle.ledger.opening import open_ledger
from medsettle.ledger.records import decode_scope, decode_settlement
from medsettle.policy.rule_book import DIGEST_CHARS
from medsettle.service.wire import settlement_message
from medsettle.settle.walk_lines import line_stories

from tests.engine.engines import id_of
from tests.engine.visits import AREA, DIABETES, SURGERY, line, visit_row
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, care_split, changed, scoped
from tests.stores import ledger_in

_NOWHERE = "NOWHERE"


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine that knows home alone."""
    ledger = open_ledger(ledger_in(tmp_path))
    try:
        yield Engine(book_of(AREA), ledger, Ticking())
    finally:
        ledger.close()


def _claim(number: int, *lines: dict[str, Any], **changes: object) -> ClaimBatch:
    """Return claim `number` of P1 from the place of care: surgery, drugs, and what nobody lists."""
    lines = lines or (
        line(1, SURGERY, 2_000),
        line(2, DIABETES, 100, approval="1"),
        line(3, _NOWHERE, 30),
        line(4, DIABETES, 50, earmark="employer"),
    )
    row = visit_row(*lines, request_id=f"C{number}", care_area=CARE, **changes)
    batch = ClaimBatch.from_rows([row])
    assert {} == batch.rejections
    return batch


def _settled(engine: Engine, batch: ClaimBatch) -> Settlement:
    (answer,) = engine.settle(batch)
    assert isinstance(answer, Settlement), answer
    return answer


def _recorded(engine: Engine, settlement: Settlement) -> Recorded:
    found = engine.ledger.settlement(id_of(settlement))
    assert found is not None
    return found


def test_a_settlement_names_the_catalogue_that_split_it(engine: Engine) -> None:
    """Its digest is that of the place of care, which home has not loaded."""
    settlement = _settled(engine, scoped(_claim(1)))
    digest = book_of(CARE).catalogues[CARE].digest

    assert digest[:DIGEST_CHARS] == settlement.columns["catalogue_digest"]
    assert settlement.columns["side"] is None
    assert [(0, 16_000, 184_000), (0, 1_500, 8_500), (3_000, 0, 0), (5_000, 0, 0)] == [
        (row["own_expense_fen"], row["pre_self_pay_fen"], row["in_scope_fen"])
        for row in settlement.lines
    ]


def test_shares_of_funds_are_booked_as_those_of_another_area(engine: Engine) -> None:
    """Accounts and the institution have no such code, and a local claim has none at all."""
    elsewhere = _settled(engine, scoped(_claim(1)))
    (local,) = engine.settle(ClaimBatch.from_rows([visit_row(line(1, SURGERY, 100))]))
    assert isinstance(local, Settlement)

    assert {"pooled_fund": NON_LOCAL_PAY_TYPE, "account": None, "mutual_aid": None} == {
        row["payer"]: row["care_fund_pay_type"] for row in elsewhere.payers
    }
    assert {None} == {row["care_fund_pay_type"] for row in local.payers}


def test_a_record_has_the_split_beside_its_lines(engine: Engine) -> None:
    """Area, catalogue and charge types are told once; a local record has nothing of them."""
    batch = scoped(_claim(1))
    recorded = _recorded(engine, _settled(engine, batch))
    (local,) = engine.settle(ClaimBatch.from_rows([visit_row(line(1, SURGERY, 100))]))
    assert isinstance(local, Settlement)
    digest = book_of(CARE).catalogues[CARE].digest

    assert {
        "care_area": CARE,
        "catalogue_digest": digest,
        "charge_types": ["06", "09", "", "09"],
    } == orjson.loads(recorded.record)["scope"]
    assert "scope" not in orjson.loads(_recorded(engine, local).record)
    assert decode_scope(_recorded(engine, local)) is None


def test_a_split_is_made_again_from_the_record(engine: Engine) -> None:
    """Its parts are those of the lines as settled: of the marked one, all is own expense."""
    batch = scoped(_claim(1))
    scope = decode_scope(_recorded(engine, _settled(engine, batch)))
    sent = batch.scopes[0].by_type["310"]

    assert scope is not None
    (own,) = scope.by_type.values()
    assert (CARE, batch.scopes[0].charge_types) == (scope.care_area, scope.charge_types)
    assert sent.parts[:, :3].tolist() == own.parts[:, :3].tolist()
    assert [5_000, 0, 0, 0] == own.parts[:, 3].tolist()
    assert sent.item_class.tolist() == own.item_class.tolist()
    assert [False, False, True, True] == own.outside.tolist()
    assert {} == _claim(1).scoped({0: scope}).rejections


def test_it_is_explained_without_the_catalogue(engine: Engine) -> None:
    """Every fen has its sentence, of a settlement and of the one that takes it back."""
    settlement = _settled(engine, scoped(_claim(1)))
    cancel = engine.cancel("H1", "X1", id_of(settlement))

    assert settlement.fen("total_fen") == engine.explain(id_of(settlement)).total_fen()
    assert -settlement.fen("total_fen") == engine.explain(id_of(cancel)).total_fen()
    assert [NON_LOCAL_PAY_TYPE, None, None] == [row["care_fund_pay_type"] for row in cancel.payers]
    ((previewed, explanation),) = [
        each
        for each in engine.preview_explained(scoped(_claim(2)))
        if not isinstance(each, Rejection)
    ]
    assert previewed.fen("total_fen") == explanation.total_fen()


def test_lines_say_who_split_them(engine: Engine) -> None:
    """Ceiling and ratio are not known here; what is said names catalogue and area."""
    batch = scoped(_claim(1))
    (terms,) = engine.line_terms(batch)
    assert not isinstance(terms, Rejection)
    digest = book_of(CARE).catalogues[CARE].digest[:DIGEST_CHARS]
    says = f"split by the catalogue {digest} of area {CARE}, the place of care"

    assert {says} == {each.cut_en for each in terms}
    assert [None] * 4 == [each.pre_self_pay_ppm for each in terms]
    assert ["06", "09", "", "09"] == [each.charge_type for each in terms]
    assert ["02", "02", "03", "02"] == [each.item_class for each in terms]
    assert 16_000 == terms[0].parts_fen["pre_self_pay"]
    stories = line_stories(book_of(AREA), batch, {}, _settled(engine, batch))
    assert {says} == {reason.english for each in stories for reason in each.reasons}
    assert [200_000, 10_000, 3_000, 5_000] == [sum(each.parts_fen.values()) for each in stories]


def test_the_split_is_no_part_of_the_content(engine: Engine) -> None:
    """The same claim sent again, split by a newer catalogue, is answered from the record."""
    batch = scoped(_claim(1))
    first = _settled(engine, batch)
    parts = batch.scopes[0].by_type["310"].parts.copy()
    parts[2:, 0] += (-100, 100)
    again = _settled(engine, _claim(1).scoped({0: changed(batch.scopes[0], "310", parts=parts)}))

    assert first == replace(again, duplicate=False)
    assert again.duplicate


@pytest.mark.parametrize("part", range(len(POT_NAMES)))
@pytest.mark.parametrize("at", range(4))
def test_a_part_that_was_changed_is_refused(engine: Engine, part: int, at: int) -> None:
    """One fen more in one part of one line, and nothing is settled or recorded."""
    batch = scoped(_claim(1))
    parts = batch.scopes[0].by_type["310"].parts.copy()
    parts[part, at] += 1
    last = engine.ledger.last_seq()

    (answer,) = engine.settle(_claim(1).scoped({0: changed(batch.scopes[0], "310", parts=parts)}))

    assert isinstance(answer, Rejection)
    assert (Outcome.INVALID_REQUEST, [f"scopes[310].in_scope_fen[{at}]"]) == (
        answer.outcome,
        [fault.path for fault in answer.faults],
    )
    assert last == engine.ledger.last_seq()


def test_without_a_split_for_the_insurance_type(engine: Engine) -> None:
    """Home asks nobody else's ratios: the place of care has to send its own."""
    scope = care_split(_claim(1), every=True)[0].scope
    by_type = {name: each for name, each in scope.by_type.items() if name != "310"}
    (answer,) = engine.settle(_claim(1).scoped({0: replace(scope, by_type=by_type)}))

    assert isinstance(answer, Rejection)
    assert (Outcome.CLASS_NOT_COVERED, {"column": "insurance_type", "code": "310"}) == (
        answer.outcome,
        answer.metadata,
    )
    assert answer.message == (
        f"area {CARE}, the place of care, sent no split of the lines for insurance_type '310'; "
        "correct the code, or have its catalogue state ratios for it"
    )


def test_a_mark_that_home_does_not_know(engine: Engine) -> None:
    """What a mark means is home's to say, of split lines as of its own."""
    (answer,) = engine.settle(scoped(_claim(1, line(1, SURGERY, 10, earmark="nobody"))))

    assert isinstance(answer, Rejection)
    assert ["lines[0].earmark"] == [fault.path for fault in answer.faults]


def test_messages_carry_side_and_booking(engine: Engine) -> None:
    """What a server says a client reads, with the columns of the other books."""
    settlement = _settled(engine, scoped(_claim(1)))
    of_care = replace(settlement, columns=settlement.columns | {"side": "care"})

    for each in (settlement, of_care):
        assert each == settlement_of(settlement_message(each))


def test_records_from_before_the_columns(engine: Engine) -> None:
    """They say nothing of side and booking, which is what they mean, in either form of rows."""
    settlement = _settled(engine, _local(1))
    recorded = _recorded(engine, settlement)
    content = orjson.loads(recorded.record)
    del content["settlement"]["side"]
    del content["payers"]["columns"]["care_fund_pay_type"]
    listed = [
        {name: value for name, value in row.items() if name != "care_fund_pay_type"}
        for row in settlement.payers
    ]

    for old in (content, content | {"payers": orjson.loads(orjson.dumps(listed))}):
        found = decode_settlement(replace(recorded, record=orjson.dumps(old)))
        assert settlement == found


def _local(number: int) -> ClaimBatch:
    return ClaimBatch.from_rows([visit_row(line(1, SURGERY, 500), request_id=f"L{number}")])


@given(st.lists(st.booleans(), min_size=2, max_size=5), st.integers(0, 4))
def test_what_would_have_been(
    tmp_path_factory: pytest.TempPathFactory, elsewhere: list[bool], gone: int
) -> None:
    """Settled again from their records, later claims are what a ledger without one has."""
    gone %= len(elsewhere)
    batches = [
        scoped(_claim(number)) if there else _local(number)
        for number, there in enumerate(elsewhere)
    ]
    folders = [tmp_path_factory.mktemp("with"), tmp_path_factory.mktemp("without")]
    ledgers = [open_ledger(ledger_in(folder)) for folder in folders]
    try:
        engines = [Engine(book_of(AREA), ledger, Ticking()) for ledger in ledgers]
        recorded = [_settled(engines[0], batch) for batch in batches]
        kept = [_settled(engines[1], batch) for at, batch in enumerate(batches) if at != gone]
        comparison = engines[0].hindsight.without(id_of(recorded[gone]))
        books = Resettling(ledgers[0], book_of(AREA))
        discrepancies = [*books.discrepancies()]
    finally:
        for ledger in ledgers:
            ledger.close()

    assert comparison.complete
    assert [id_of(each) for each in kept[gone:]] == [each.settlement for each in comparison.later]
    for later, other in zip(comparison.later, kept[gone:], strict=True):
        assert "" == later.refusal
        for share in later.shares:
            assert other.fen(f"{share.payer}_fen") == share.would_be_fen
    assert ([], len(batches)) == (discrepancies, books.settled)


def test_payouts_without_a_bill_need_no_lines(engine: Engine) -> None:
    """A split of nothing goes with a claim without lines, where the policy pays beside a bill."""
    row = visit_row(request_id="B1", care_area=CARE, insurance_type="410")
    batch = ClaimBatch.from_rows([row])
    assert {} == batch.rejections
    (alone,) = Engine(book_of(AREA, CARE), engine.ledger, Ticking()).preview(batch)
    (split,) = engine.preview(scoped(batch))

    assert isinstance(alone, Settlement)
    assert isinstance(split, Settlement)
    assert 0 < split.fen("payouts_fen")
    assert alone.columns == split.columns
    assert {"bill": NON_LOCAL_PAY_TYPE, "person": None} == {
        row["payee"]: row["care_fund_pay_type"] for row in split.payers
    }
