"""Everything a caller can do, over a real connection, against the engine's own answers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest
from medsettle import errors, limits
from medsettle.client import Claim, ClaimLine, Client
from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Opening, PersonState, PolicySummary, Settlement
from medsettle.engine import Engine

from tests.service.claims import AREA, INSTITUTION, claim, line


def _id(settlement: Settlement) -> str:
    return str(settlement.columns["settlement"])


def test_a_settled_claim_has_the_shares_of_the_policy(client: Client) -> None:
    """Of 500 yuan, 100 are deductible and 80 % of the rest are the fund's; cash is the rest."""
    settlement = client.settle(claim(1, 50_000))

    assert (10_000, 32_000, 18_000) == (
        settlement.fen("deductible_fen"),
        settlement.fen("pooled_fund_fen"),
        settlement.fen("cash_fen"),
    )


def test_the_client_gets_the_settlement_as_the_engine_has_it(
    client: Client, engine: Engine
) -> None:
    """Every column, payer, line and named amount arrives as recorded, with its type."""
    lines = [line(20_000), line(10_050, item_code="B1", line_id="2")]
    settlement = client.settle(claim(2, lines=lines, institution_settlement="N2"))

    assert engine.get(_id(settlement)) == settlement


def test_a_preview_is_the_settlement_without_its_place(client: Client, engine: Engine) -> None:
    """A preview equals the engine's and leaves nothing in the ledger."""
    before = engine.ledger.last_seq()
    preview = client.preview(claim(3))

    assert engine.preview(ClaimBatch.from_rows([claim(3)])) == [preview]
    assert before == engine.ledger.last_seq()


def test_a_repeated_request_gets_the_recorded_answer(client: Client) -> None:
    """The same id and content again is answered from the record and marked as duplicate."""
    first = client.settle(claim(4))

    assert replace(first, duplicate=True) == client.settle(claim(4))


def test_a_claim_object_is_the_same_as_a_mapping(client: Client) -> None:
    """The dataclass and the dictionary of the same values are the same content."""
    row = claim(5)
    (only,) = row.pop("lines")
    first = client.settle(Claim(**row, lines=[ClaimLine(**only)]))

    assert replace(first, duplicate=True) == client.settle(row | {"lines": [only]})


def test_dates_may_be_text(client: Client) -> None:
    """A claim with dates as text is the same content as one with dates."""
    first = client.settle(claim(6))

    assert replace(first, duplicate=True) == client.settle(claim(6, service_date="2024-05-01"))


def test_a_cancel_returns_the_negative_settlement(client: Client) -> None:
    """A cancel is a new settlement with every amount negative, linked to its original."""
    original = client.settle(claim(7))
    cancel = client.cancel(_id(original), institution=INSTITUTION, request_id="X7")

    assert (-original.fen("pooled_fund_fen"), "cancel", _id(original)) == (
        cancel.fen("pooled_fund_fen"),
        cancel.columns["kind"],
        cancel.columns["original"],
    )
    assert client.get(_id(cancel)) == cancel


def test_a_cancel_by_full_name_checks_the_area(client: Client) -> None:
    """A name with another pooling area finds nothing; the right one does."""
    settlement = client.settle(claim(8))
    wrong = f"poolingAreas/999901/settlements/{_id(settlement)}"

    with pytest.raises(errors.NotFound):
        client.cancel(wrong, institution=INSTITUTION, request_id="X8")
    with pytest.raises(errors.NotFound):
        client.get(wrong)
    right = f"poolingAreas/{AREA}/settlements/{_id(settlement)}"
    assert settlement == client.get(right)


def test_an_explanation_adds_up_to_the_total(client: Client, engine: Engine) -> None:
    """The sentences are the engine's, and their amounts are the whole bill."""
    settlement = client.settle(claim(9))
    explanation = client.explain(_id(settlement))

    assert engine.explain(_id(settlement)) == explanation
    assert settlement.fen("total_fen") == sum(each.amount_fen for each in explanation.sentences)


def test_a_list_yields_every_page_in_ledger_order(client: Client, engine: Engine) -> None:
    """Pages of two yield what one page of everything yields, filters included."""
    for number in range(20, 25):
        client.settle(claim(number, person="P20"))
    expected = engine.page(pooling_area=AREA, person="P20", limit=limits.PAGE_SIZE_MAX)

    assert len(expected) == 5
    assert expected == list(client.list(pooling_area=AREA, person="P20", page_size=2))
    assert expected == list(client.list(institution=INSTITUTION, person="P20"))
    assert [] == list(client.list(pooling_area="999901"))


def test_a_table_gets_a_row_for_each_claim_in_order(client: Client, engine: Engine) -> None:
    """A refused claim is a row with its faults between rows that are settled."""
    rows = [claim(30), claim(31, institution_level="09"), claim(32, visit_type="0"), claim(33)]
    answers = client.settle_table(pa.Table.from_pylist(rows, schema.claim_schema()))
    found = answers.to_pylist()

    assert ["SETTLED", "CLASS_NOT_COVERED", "INVALID_REQUEST", "SETTLED"] == [
        row["outcome"] for row in found
    ]
    assert ["visit_type"] == [fault["path"] for fault in found[2]["faults"]]
    assert [None, None] == [found[1]["settlement"], found[2]["cash_fen"]]
    for row in (found[0], found[3]):
        recorded = engine.get(row["settlement"]).columns
        assert recorded == {name: row[name] for name in recorded}


def test_a_table_sent_again_is_answered_from_the_record(client: Client) -> None:
    """Rows recorded before come back marked as duplicates, with the same amounts."""
    table = pa.Table.from_pylist([claim(40), claim(41)], schema.claim_schema())
    first = client.settle_table(table)
    again = client.settle_table(table)

    assert [True, True] == again["duplicate"].to_pylist()
    assert first.drop_columns(["duplicate"]) == again.drop_columns(["duplicate"])


def test_a_previewed_table_records_nothing(client: Client, engine: Engine) -> None:
    """A preview of a table answers each row and leaves the ledger as it was."""
    before = engine.ledger.last_seq()
    table = pa.Table.from_pylist([claim(50), claim(51)], schema.claim_schema())
    answers = client.preview_table(table)

    assert [None, None] == answers["seq"].to_pylist()
    assert [18_000, 18_000] == answers["cash_fen"].to_pylist()
    assert before == engine.ledger.last_seq()


@pytest.mark.slow
def test_a_table_larger_than_a_call_is_sent_in_parts(client: Client) -> None:
    """One claim more than a call may carry comes back whole and in order."""
    count = limits.CLAIMS_PER_BATCH_MAX + 1
    rows = [claim(100_000 + number, 10_000 + number) for number in range(count)]
    answers = client.preview_table(pa.Table.from_pylist(rows, schema.claim_schema()))

    assert [10_000 + number for number in range(count)] == answers["total_fen"].to_pylist()


def test_an_empty_table_gets_an_empty_answer(client: Client) -> None:
    """No claims are no error, and the columns are there all the same."""
    answers = client.settle_table(pa.Table.from_pylist([], schema.claim_schema()))

    assert 0 == answers.num_rows
    assert "cash_fen" in answers.column_names


def test_an_opening_is_recorded_once(client: Client) -> None:
    """The same opening twice leaves one account and one set of counters."""
    counters = (("310.deductible_met", 2024, 10_000), ("310.fund_paid", 2024, 50_000))
    opening = Opening(INSTITUTION, "O60", AREA, "P60", 12_345, counters)
    expected = PersonState(AREA, "P60", 12_345, counters)

    assert expected == client.open_person(opening)
    assert expected == client.open_person(opening)
    assert expected == client.person(AREA, "P60")


def test_an_account_pays_and_counters_move(client: Client) -> None:
    """What an opening brought along is used by the next claim of the person."""
    counters = (("310.deductible_met", 2024, 10_000),)
    client.open_person(Opening(INSTITUTION, "O61", AREA, "P61", 5_000, counters))
    settlement = client.settle(claim(61, 50_000))

    assert (40_000, 5_000, 5_000) == (
        settlement.fen("pooled_fund_fen"),
        settlement.fen("account_fen"),
        settlement.fen("cash_fen"),
    )
    assert 0 == client.person(AREA, "P61").account_fen


def test_policies_are_listed(client: Client, engine: Engine) -> None:
    """The loaded policies arrive as the engine has them; another area has none."""
    found = list(client.policies())

    assert engine.policies() == found
    assert isinstance(found[0], PolicySummary)
    assert date(2024, 1, 1) == found[0].in_force_from
    assert [] == list(client.policies("999901"))


def test_claims_sent_at_once_are_all_recorded(client: Client, engine: Engine) -> None:
    """Sixty-four callers at once get sixty-four places in the ledger, in fewer commits."""
    first = engine.ledger.last_seq() + 1
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(client.settle, [claim(number) for number in range(200, 264)]))

    assert list(range(first, first + 64)) == sorted(
        int(str(answer.columns["seq"])) for answer in answers
    )
    assert len({answer.columns["create_time"] for answer in answers}) < 64
