"""The contract of a ledger, kept by each store: what it records, finds and refuses."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from medsettle import limits
from medsettle.ledger import CounterKey, Entry, EntryKind, Posting
from medsettle.ledger.opening import LedgerPlace, OpenLedger, open_ledger

from tests.ledger.building import (
    ACCOUNT_KEY,
    AREA,
    PAID_KEY,
    PERSON,
    REFUSED,
    entry,
    recorded,
)


@pytest.fixture
def ledger(place: LedgerPlace) -> Iterator[OpenLedger]:
    """Return a new ledger."""
    with open_ledger(place) as opened:
        yield opened


def test_an_empty_ledger_knows_nothing(ledger: OpenLedger) -> None:
    """Before the first entry the last number is 0 and every question has an empty answer."""
    assert 0 == ledger.last_seq()
    assert [] == ledger.page(after_seq=0, limit=1)
    assert ledger.settlement("S1") is None
    assert ledger.cancel_of("S1") is None
    assert {} == ledger.requests([("H1", "R1")])
    assert {} == ledger.institution_settlements([("H1", "N1")])
    assert {} == ledger.counters([PAID_KEY])
    assert [] == ledger.person_counters(AREA, PERSON)


def test_nothing_asked_is_nothing_answered(ledger: OpenLedger) -> None:
    """A lookup without keys answers with nothing."""
    assert {} == ledger.requests([])
    assert {} == ledger.institution_settlements([])
    assert {} == ledger.counters([])


def test_entries_get_consecutive_numbers_in_order(ledger: OpenLedger) -> None:
    """The first batch starts at 1, the next goes on without a gap, order as given."""
    assert 1 == ledger.append([entry(10), entry(11)], 5)
    assert 3 == ledger.append([entry(12)], 6)

    expected = [recorded(1, 5, entry(10)), recorded(2, 5, entry(11)), recorded(3, 6, entry(12))]
    assert expected == ledger.page(after_seq=0, limit=10)
    assert 3 == ledger.last_seq()


def test_no_entries_is_no_commit(ledger: OpenLedger) -> None:
    """An empty batch tells the number that comes next and uses none."""
    ledger.append([entry(1)], 5)

    assert 2 == ledger.append([], 6)
    assert 1 == ledger.last_seq()


def test_an_entry_is_found_by_each_of_its_names(ledger: OpenLedger) -> None:
    """Settlement id, request id and the institution's number all lead to the entry."""
    written = entry(1, institution_settlement="N1")
    ledger.append([written], 5)

    assert recorded(1, 5, written) == ledger.settlement("S1")
    assert {("H1", "R1"): recorded(1, 5, written)} == ledger.requests([("H1", "R1"), ("H2", "R1")])
    assert {("H1", "N1"): "S1"} == ledger.institution_settlements([("H1", "N1"), ("H2", "N1")])


def test_names_are_any_text(ledger: OpenLedger) -> None:
    """Quotes, Chinese and marks of patterns in a name are found again as they were written."""
    odd = "R'\"\\ 结算 %s{}%_\x7f"
    written = entry(1, request_id=odd)
    ledger.append([written], 5)

    assert {("H1", odd): recorded(1, 5, written)} == ledger.requests([("H1", odd)])


def test_a_zero_byte_names_nothing(ledger: OpenLedger) -> None:
    """A name that no store needs to keep is looked for like any other, and not found."""
    ledger.append([entry(1, Posting(PAID_KEY, 1))], 5)
    odd = "R1\0"

    assert {} == ledger.requests([("H1", odd)])
    assert {} == ledger.counters([PAID_KEY._replace(person=odd)])
    assert {PAID_KEY: 1} == ledger.counters([PAID_KEY._replace(person=odd), PAID_KEY])
    assert ledger.settlement(odd) is None
    assert [] == ledger.page(after_seq=0, limit=1, person=odd)
    assert [] == ledger.latest(AREA, odd, limit=1)


def test_records_are_any_bytes(ledger: OpenLedger) -> None:
    """Each entry of a batch gets back its own bytes, empty and zero ones included."""
    records = [b"", bytes(range(256)), b"\x00", b"x" * 100_000]
    entries = [replace(entry(number), record=record) for number, record in enumerate(records)]
    ledger.append(entries, 5)

    expected = [recorded(seq, 5, one) for seq, one in enumerate(entries, 1)]
    assert expected == ledger.page(after_seq=0, limit=10)


def test_counters_are_the_sum_of_their_postings(ledger: OpenLedger) -> None:
    """Postings add up within an entry, within a batch and across batches; zero leaves no trace."""
    ledger.append([entry(1, Posting(PAID_KEY, 5), Posting(PAID_KEY, 7)), entry(2)], 1)
    ledger.append([entry(3, Posting(PAID_KEY, -2), Posting(ACCOUNT_KEY, 0))], 1)
    ledger.append([entry(4, Posting(PAID_KEY, 100)), entry(5, Posting(PAID_KEY, -50))], 1)

    assert {PAID_KEY: 60} == ledger.counters([PAID_KEY, ACCOUNT_KEY])
    assert [("fund_paid", 2024, 60)] == ledger.person_counters(AREA, PERSON)
    assert ledger.verify() is None


def test_counters_of_others_are_others(ledger: OpenLedger) -> None:
    """A counter is told apart by area, person, name and period."""
    keys = [
        PAID_KEY,
        PAID_KEY._replace(pooling_area="999901"),
        PAID_KEY._replace(person="P2"),
        PAID_KEY._replace(counter="deductible"),
        PAID_KEY._replace(period=2025),
    ]
    ledger.append([entry(1, *(Posting(key, value) for value, key in enumerate(keys, 1)))], 1)

    assert dict(zip(keys, [1, 2, 3, 4, 5], strict=True)) == ledger.counters(keys)
    expected = [("deductible", 2024, 4), ("fund_paid", 2024, 1), ("fund_paid", 2025, 5)]
    assert expected == ledger.person_counters(AREA, PERSON)


def test_counters_are_found_by_how_their_names_begin(ledger: OpenLedger) -> None:
    """Of the persons asked for, those above zero, by period; neighbours in the alphabet are not."""
    names = ("aid.a:1", "aid.a:2", "aid.a;", "aid.a", "aid.b:1")
    keys = [CounterKey(AREA, PERSON, name, 9 - number) for number, name in enumerate(names)]
    other = CounterKey(AREA, "P2", "aid.a:1", 1)
    ledger.append([entry(1, *(Posting(key, 5) for key in [*keys, other]))], 1)

    assert [(keys[1], 5), (keys[0], 5)] == ledger.counters_named([(AREA, PERSON)], "aid.a:")
    both = ledger.counters_named([(AREA, PERSON), (AREA, "P2")], "aid.a:")
    assert [(other, 5), (keys[1], 5), (keys[0], 5)] == sorted(both, key=lambda each: each[0].period)
    ledger.append([entry(2, Posting(keys[0], -5))], 1)
    assert [(keys[1], 5)] == ledger.counters_named([(AREA, PERSON)], "aid.a:")
    assert [] == ledger.counters_named([], "aid.a:")


def test_a_whole_batch_of_counters_is_answered_at_once(ledger: OpenLedger) -> None:
    """As many counters as the largest batch can ask for come back with their values."""
    keys = [CounterKey(AREA, f"P{n}", "fund_paid", 0) for n in range(limits.CLAIMS_PER_BATCH_MAX)]
    ledger.append([entry(n, Posting(key, n + 1)) for n, key in enumerate(keys)], 1)

    assert {key: n + 1 for n, key in enumerate(keys)} == ledger.counters(keys)


def test_a_cancel_names_its_original(ledger: OpenLedger) -> None:
    """A cancel is found from its original, in the same batch or later, and keeps its number."""
    ledger.append([entry(1), entry(2, kind="cancel", original="S1")], 5)
    ledger.append([entry(3, institution_settlement="N3")], 6)
    ledger.append([entry(4, kind="cancel", original="S3", institution_settlement="N3")], 7)

    for original, cancel in (("S1", "S2"), ("S3", "S4")):
        found = ledger.cancel_of(original)
        assert found is not None
        assert (cancel, original) == (found.settlement, found.original)
        assert {original: found} == ledger.cancels_of([cancel, original, "S9"])
    assert {("H1", "N3"): "S3"} == ledger.institution_settlements([("H1", "N3")])


def test_pages_are_filtered_and_bounded(ledger: OpenLedger) -> None:
    """Filters combine, pages follow one another, and no page is larger than its limit."""
    people = ["P1", "P2"]
    institutions = ["H1", "H2", "H3"]
    ledger.append(
        [entry(n, person=people[n % 2], institution=institutions[n % 3]) for n in range(1, 13)],
        5,
    )

    def seqs(**filters: str) -> list[int]:
        return [one.seq for one in ledger.page(after_seq=1, limit=4, **filters)]  # type: ignore[arg-type]

    assert [2, 3, 4, 5] == seqs()
    assert [3, 5, 7, 9] == seqs(person="P2")
    assert [3, 6, 9, 12] == seqs(institution="H1")
    assert [3, 9] == seqs(person="P2", institution="H1")
    assert [2, 3, 4, 5] == seqs(pooling_area=AREA)
    assert [] == seqs(pooling_area=AREA, person="P3")


@pytest.mark.parametrize("kind", ["refusal", "tombstone"])
def test_what_only_decides_its_id_needs_no_person(ledger: OpenLedger, kind: EntryKind) -> None:
    """A reversal of something unknown, and the refusal of one, know neither area nor person."""
    decided = entry(1, kind=kind, pooling_area="", person="")
    ledger.append([decided, entry(2)], 5)

    assert kind == ledger.requests([("H1", "R1")])["H1", "R1"].kind
    assert {} == ledger.institution_settlements([("H1", "N1")])
    assert [2] == [each.seq for each in ledger.latest(AREA, "P1", limit=10)]
    with pytest.raises(REFUSED, match="request_id"):
        ledger.append([entry(3, request_id="R1")], 6)


@pytest.mark.parametrize(
    ("second", "constraint"),
    [
        pytest.param(entry(2, request_id="R1"), "request_id", id="request-id-used-before"),
        pytest.param(
            entry(2, institution_settlement="N1"), "institution_settlement", id="number-used-before"
        ),
        pytest.param(entry(1, request_id="R2"), "settlement", id="settlement-id-used-before"),
        pytest.param(
            entry(2, Posting(ACCOUNT_KEY, -101)), "account_not_below_zero", id="account-below-zero"
        ),
        pytest.param(
            entry(2, Posting(PAID_KEY, -1)), "counter_not_below_zero", id="counter-below-zero"
        ),
        pytest.param(
            entry(2, Posting(ACCOUNT_KEY, 2**63 - 1)),
            "counters.value|bigint out of range",
            id="counter-beyond-int64",
        ),
        pytest.param(
            entry(2, kind="cancel", original="S9"), "names no settlement", id="cancel-of-unknown"
        ),
        pytest.param(
            entry(2, kind="cancel", original="S1", person="P2"),
            "names no settlement",
            id="cancel-for-another-person",
        ),
        pytest.param(entry(2, kind="cancel"), "names no settlement", id="cancel-without-original"),
        pytest.param(
            entry(2, original="S1"), "only_cancels_have_an_original", id="settle-with-original"
        ),
        pytest.param(
            entry(2, person=""),
            "only_messages_and_decided_ids_have_no_person",
            id="settle-without-person",
        ),
        pytest.param(
            entry(2, pooling_area=""),
            "only_messages_and_decided_ids_have_no_person",
            id="settle-without-area",
        ),
        pytest.param(
            entry(2, kind="message"), "only_events_have_a_subject", id="message-without-subject"
        ),
        pytest.param(
            entry(2, subject="E1"), "only_events_have_a_subject", id="settle-with-subject"
        ),
        pytest.param(
            entry(2, kind="message", subject="E1", original="S1"),
            "only_cancels_have_an_original",
            id="message-with-original",
        ),
        pytest.param(
            entry(2, kind="message", subject="E1", request_id="R1"),
            "request_id",
            id="message-on-used-id",
        ),
        pytest.param(
            entry(2, kind="tombstone", request_id="R1"), "request_id", id="tombstone-on-used-id"
        ),
        pytest.param(
            entry(2, kind="refund"),  # type: ignore[arg-type]
            "kind",
            id="unknown-kind",
        ),
    ],
)
def test_a_refused_entry_takes_its_batch_along(
    ledger: OpenLedger, second: Entry, constraint: str
) -> None:
    """What breaks a rule is refused by name, nothing of its batch stays, the ledger goes on."""
    ledger.append([entry(1, Posting(ACCOUNT_KEY, 100), institution_settlement="N1")], 5)
    before = ledger.page(after_seq=0, limit=10)

    with pytest.raises(REFUSED, match=constraint):
        ledger.append([entry(8, Posting(PAID_KEY, 0)), second], 6)

    assert before == ledger.page(after_seq=0, limit=10)
    assert {ACCOUNT_KEY: 100} == ledger.counters([ACCOUNT_KEY, PAID_KEY])
    assert 2 == ledger.append([entry(9)], 7)


def test_a_settlement_is_cancelled_once(ledger: OpenLedger) -> None:
    """A second cancel is refused, and so is the cancel of a cancel."""
    ledger.append([entry(1), entry(2, kind="cancel", original="S1")], 5)

    for original in ("S1", "S2"):
        with pytest.raises(REFUSED):
            ledger.append([entry(3, kind="cancel", original=original)], 6)
    assert 2 == ledger.last_seq()


def test_a_balance_may_fall_to_zero_but_not_below(ledger: OpenLedger) -> None:
    """The last fen can be spent; one more cannot."""
    ledger.append([entry(1, Posting(ACCOUNT_KEY, 100), kind="opening")], 5)
    ledger.append([entry(2, Posting(ACCOUNT_KEY, -100))], 5)

    with pytest.raises(REFUSED, match="account_not_below_zero"):
        ledger.append([entry(3, Posting(ACCOUNT_KEY, -1))], 5)
    assert {ACCOUNT_KEY: 0} == ledger.counters([ACCOUNT_KEY])


def test_a_bug_of_the_caller_leaves_nothing_behind(ledger: OpenLedger) -> None:
    """A value of the wrong type is no entry, and the next batch starts where it should."""
    with pytest.raises(TypeError):
        ledger.append([entry(1), replace(entry(2), record="text")], 5)  # type: ignore[arg-type]

    assert 1 == ledger.append([entry(3)], 6)


def test_batches_and_pages_have_bounds(ledger: OpenLedger) -> None:
    """One entry or row beyond the limit is a bug of the caller."""
    with pytest.raises(AssertionError):
        ledger.append([entry(n) for n in range(limits.CLAIMS_PER_BATCH_MAX + 1)], 5)
    with pytest.raises(AssertionError):
        ledger.page(after_seq=0, limit=limits.PAGE_SIZE_MAX + 1)
    assert [] == ledger.page(after_seq=0, limit=limits.PAGE_SIZE_MAX)


def test_settlements_of_persons_are_found_from_a_day_on(ledger: OpenLedger) -> None:
    """Each person has a day of its own; what was cancelled and what settles nothing is absent."""
    days = {1: 19_843, 2: 19_844, 3: 19_845, 4: 19_846}
    ledger.append([replace(entry(number), service_day=day) for number, day in days.items()], 1)
    ledger.append([entry(5, kind="cancel", original="S3")], 2)
    ledger.append([entry(6, person="P9"), entry(7, pooling_area="999901")], 3)
    ledger.append([entry(8, kind="opening")], 4)

    found = ledger.settled_since([(AREA, PERSON, 19_844), (AREA, "P9", 19_845)])
    assert ["S2", "S4"] == [each.settlement for each in found]
    found = ledger.settled_since([(AREA, PERSON, 19_847), (AREA, "P9", 19_844)])
    assert ["S6"] == [each.settlement for each in found]
    assert [] == ledger.settled_since([])


def test_the_last_settlements_of_a_person_come_newest_first(ledger: OpenLedger) -> None:
    """Settlements and cancels alone, of this person in this area, and no more than asked for."""
    ledger.append([entry(n, person="P1") for n in range(1, 4)], 5)
    ledger.append([entry(4, kind="opening"), entry(5, person="P2")], 6)
    ledger.append([entry(6, kind="cancel", original="S2"), entry(7, pooling_area="999901")], 7)

    def last(person: str, limit: int) -> list[int]:
        return [one.seq for one in ledger.latest(AREA, person, limit=limit)]

    assert [6, 3, 2, 1] == last("P1", 10)
    assert [6, 3] == last("P1", 2)
    assert [5] == last("P2", 10)
    assert [] == last("P3", 10)


def test_messages_are_found_by_their_subject_in_order(ledger: OpenLedger) -> None:
    """Of these subjects alone, with or without a person, and never what else has the same name."""
    told = [
        entry(1, kind="message", subject="E1"),
        entry(2, kind="message", subject="E2", pooling_area="", person=""),
        entry(3, kind="card", subject="E1"),
        entry(4),
        entry(5, kind="message", subject="E1", person="P2"),
    ]
    ledger.append(told, 5)

    first, second, _, _, third = [recorded(seq, 5, one) for seq, one in enumerate(told, 1)]
    assert {"E1": [first, third], "E2": [second]} == ledger.messages(["E2", "E1", "E3", "E1"])
    assert {} == ledger.messages(["E3", "E1\0"]) == ledger.messages([])
    assert [first] == ledger.events([(AREA, PERSON)], "message")


def test_messages_are_no_settlements(ledger: OpenLedger) -> None:
    """Pages without them pass them by, and no question about settlements or cards sees one."""
    message = entry(1, kind="message", subject="E1", institution_settlement="N1")
    ledger.append([message, entry(2), replace(message, settlement="S3", request_id="R3")], 5)

    for filters in ({}, {"institution": "H1"}, {"person": PERSON}, {"pooling_area": AREA}):
        seqs = [
            [one.seq for one in ledger.page(after_seq=0, limit=9, with_messages=told, **filters)]
            for told in (True, False)
        ]
        assert [[1, 2, 3], [2]] == seqs
    assert [2] == [each.seq for each in ledger.latest(AREA, PERSON, limit=9)]
    assert [2] == [each.seq for each in ledger.settled_since([(AREA, PERSON, 0)])]
    assert {} == ledger.institution_settlements([("H1", "N1")])
    assert {} == ledger.card_events([(AREA, "E1")])


@pytest.mark.parametrize("hours", [0, 1, 2, 5, 9])
def test_a_place_before_a_moment_misses_nothing_after_it(ledger: OpenLedger, hours: int) -> None:
    """Clocks that differ by up to an hour hide no entry; no more than an hour comes before."""
    hour = limits.CLOCK_DISORDER_US
    moments = [hour, hour * 2, hour, hour * 3, hour * 2 + 1, hour * 3, hour * 4, hour * 5]
    for number, moment in enumerate(moments, 1):
        ledger.append([entry(number)], moment)

    seq = ledger.seq_before(hours * hour)

    assert all(moment < hours * hour for moment in moments[:seq])
    assert seq == len(moments) or moments[seq] >= (hours - 1) * hour
    assert (seq == 0) == (hours <= 2)
