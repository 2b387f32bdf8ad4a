"""What was sealed settles in order and once, and each record is accounted for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.money import plain_yuan
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, LedgerUnavailable
from medsettle.offline.reconciling import Fate, Line, reconciled
from medsettle.offline.records import sealed_record
from medsettle.offline.store import Closing, TillStore

from tests.engine.engines import engine_on
from tests.offline.sealing import SEAL_KEY, SEALED_AT, At, alter, found_in, seal, store_in
from tests.service.claims import claim


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TillStore]:
    """Yield the store of a till."""
    with store_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    """Yield an engine to settle at."""
    with _engine(tmp_path / "engine") as engine:
        yield At(engine)


@contextmanager
def _engine(folder: Path) -> Iterator[Engine]:
    folder.mkdir()
    with engine_on(folder) as engine:
        yield engine


def _lines(store: TillStore, at: At | None = None, receipts: tuple[str, ...] = ()) -> list[Line]:
    found = found_in(store)
    return reconciled(found, store.decided(), store.closings(), receipts, at)


def _fates(store: TillStore, at: At | None = None, receipts: tuple[str, ...] = ()) -> list[Fate]:
    return [each.fate for each in _lines(store, at, receipts)]


def _online(engine: Engine, number: int, **changes: object) -> str:
    (answer,) = engine.settle(ClaimBatch.from_rows([claim(number) | changes]))
    return str(answer.columns["settlement"])  # type: ignore[union-attr]


def test_records_settle_in_order_as_if_they_had_been_online(
    store: TillStore, at: At, tmp_path: Path
) -> None:
    """Amounts are those of the same claims sent in that order; the difference goes back."""
    for number in (1, 2, 3):
        seal(store, number, person="P", amount_fen=150_000)
    at.settle_all(store)
    with _engine(tmp_path / "model") as model:
        for number in (1, 2, 3):
            _online(model, number, person="P", lines=claim(number, 150_000)["lines"])
        expected = [each.fen("cash_fen") for each in model.page(person="P")]
    decided = store.decided()

    assert ["R1", "R2", "R3"] == at.asked
    assert expected == [decided[seq].cash_fen for seq in (1, 2, 3)]
    assert [150_000 - cash for cash in expected] == [decided[seq].refund_fen for seq in (1, 2, 3)]
    assert [Fate.SETTLED] * 3 == _fates(store, at)


def test_the_ledger_says_when_a_claim_was_made_offline(store: TillStore, at: At) -> None:
    """The recorded claim has the moment beside that of recording, and its service date stays."""
    with pytest.raises(InvalidRequest, match="the till says when"):
        seal(store, 1, offline_time=SEALED_AT - timedelta(hours=1))
    seal(store, 1)
    (found,) = found_in(store)
    at.settle_all(store)
    (recorded,) = at.engine.page()
    row = at.engine.claim(str(recorded.columns["settlement"]))

    assert "2024-05-01" == str(row["service_date"])
    assert str(row["offline_time"]).startswith("2024-05-01T09:00:00")
    assert found.header is not None
    assert SEALED_AT == found.header.moment
    # The engine's clock begins at midnight of the second.
    assert "2024-05-02" == str(recorded.columns["create_time"])[:10]


def test_an_answer_that_was_not_written_down_comes_again(store: TillStore, at: At) -> None:
    """Settled at the engine and unknown to the till: asked again, recorded once."""
    seal(store, 1)
    (found,) = found_in(store)
    assert found.content is not None
    at.settle(found.content.claim)
    at.settle_all(store)

    assert 1 == len(at.engine.page())
    assert [Fate.SETTLED] == _fates(store, at)


def test_nothing_overtakes_a_record_without_an_answer(store: TillStore, at: At) -> None:
    """Where the engine is away nothing later is sent; what was answered before stays."""

    def away(request_id: str) -> None:
        if request_id == "R2":
            raise LedgerUnavailable("the store is away")

    for number in (1, 2, 3):
        seal(store, number)
    at.before = away
    with pytest.raises(LedgerUnavailable):
        at.settle_all(store)

    assert ["R1"] == at.asked
    assert [Fate.SETTLED, Fate.WAITING, Fate.WAITING] == _fates(store)


def test_a_refusal_is_an_item_until_somebody_sees_to_it(store: TillStore, at: At) -> None:
    """Refused is an answer: the next record goes on, and this one waits for a person."""
    seal(store, 1, pooling_area="999901")
    seal(store, 2)
    at.settle_all(store)

    assert ["R1", "R2"] == at.asked
    first, second = _lines(store, at)
    assert (Fate.REFUSED, True) == (first.fate, first.open)
    assert "POLICY_NOT_FOUND" in first.said
    assert not second.open
    store.closed(1, Closing("Li", "billed by hand"), datetime(2024, 5, 3, tzinfo=UTC))
    assert [False, False] == [each.open for each in _lines(store, at)]
    with pytest.raises(InvalidRequest, match="closed already, by Li"):
        store.closed(1, Closing("Wang", "again"), datetime(2024, 5, 3, tzinfo=UTC))


@pytest.mark.parametrize("length", [1, limits.OFFLINE_NOTE_CHARS_MAX])
def test_notes_have_bounds(store: TillStore, length: int) -> None:
    """The shortest and the longest note are taken, one character beyond is not, nor is nobody."""
    outside = 0 if length == 1 else length + 1
    moment = datetime(2024, 5, 3, tzinfo=UTC)
    seal(store, 1)
    with pytest.raises(InvalidRequest):
        store.closed(1, Closing("Li", "n" * outside), moment)
    with pytest.raises(InvalidRequest, match="by"):
        store.closed(1, Closing(" ", "n" * length), moment)
    store.closed(1, Closing("Li", "n" * length), moment)

    assert length == len(store.closings()[1].note)


def test_what_is_closed_is_never_sent(store: TillStore, at: At) -> None:
    """A record that was billed by hand in the meantime does not settle behind its back."""
    seal(store, 1)
    store.closed(1, Closing("Li", "billed by hand"), datetime(2024, 5, 3, tzinfo=UTC))
    at.settle_all(store)

    assert [] == at.asked


def test_a_number_that_no_record_has_is_not_closed(store: TillStore, tmp_path: Path) -> None:
    """Beyond the last known one only a receipt tells of a record; one missing in between is."""
    moment = datetime(2024, 5, 3, tzinfo=UTC)
    with pytest.raises(InvalidRequest, match="the last that this store knows is none"):
        store.closed(1, Closing("Li", "typo"), moment)
    receipts = [seal(store, number).receipt for number in (1, 2, 3, 4)]
    for seq in (5, 77):
        with pytest.raises(InvalidRequest, match="the last that this store knows is 4"):
            store.closed(seq, Closing("Li", "typo"), moment)
    alter(tmp_path, "delete from records where seq in (2, 4)")
    for lost in ("5-0123456789abcdef", "4-01", receipts[2]):
        with pytest.raises(InvalidRequest, match="no receipt of record 4"):
            store.closed(4, Closing("Li", "from paper"), moment, lost)
    store.closed(4, Closing("Li", "from paper"), moment, receipts[3])
    store.closed(2, Closing("Li", "from paper"), moment)
    # What was signed as 3 stands at 1 now.
    alter(tmp_path, "delete from records where seq = 1")
    alter(tmp_path, "update records set seq = 1")
    store.closed(3, Closing("Li", "from paper"), moment)

    assert [2, 3, 4] == sorted(store.closings())


def test_a_new_record_never_has_a_number_that_is_done_with(
    store: TillStore, at: At, tmp_path: Path
) -> None:
    """Closed or answered numbers whose records are lost are left out, and what is new is sent."""
    seal(store, 1)
    seal(store, 2)
    at.settle_all(store)
    alter(tmp_path, "delete from records where seq = 2")
    alter(tmp_path, "insert into closings values (3, 'Li', 'typo', 0), (4, 'Li', 'typo', 0)")
    seqs = [seal(store, number).seq for number in (5, 6)]
    at.settle_all(store)

    assert [5, 6] == seqs
    assert ["R1", "R2", "R5", "R6"] == at.asked
    fates = [Fate.SETTLED, Fate.MISSING, Fate.MISSING, Fate.MISSING, Fate.SETTLED, Fate.SETTLED]
    assert fates == _fates(store, at)
    assert [2] == [each.seq for each in _lines(store) if each.open]


def test_a_claim_that_was_online_as_well_is_told_and_not_paid_twice(
    store: TillStore, at: At
) -> None:
    """The same request id, or the same number of the institution, was settled online before."""
    by_id = _online(at.engine, 1)
    by_number = _online(at.engine, 8, institution_settlement="N1")
    seal(store, 1, paid_fen=43_210)
    seal(store, 2, institution_settlement="N1")
    at.settle_all(store)
    decided = store.decided()

    assert [Fate.ONLINE, Fate.ONLINE] == _fates(store, at)
    assert [by_id, by_number] == [decided[seq].settlement for seq in (1, 2)]
    assert 2 == len(at.engine.page())
    first, second = _lines(store, at)
    cash = at.engine.get(by_id).fen("cash_fen")
    assert (cash, 43_210) == (decided[1].cash_fen, decided[1].refund_fen)
    assert (43_210, 50_000) == (first.taken_fen, second.taken_fen)
    assert 0 < cash < 43_210
    unpaid = f"if the {plain_yuan(cash)} of {by_id} was not paid online"
    less = f"give back {plain_yuan(43_210 - cash)}"
    assert f"give back 432.10, all that the till took; {unpaid}, {less}" == first.next
    assert second.next.startswith("give back 500.00, all that the till took; ")


def test_what_was_online_and_cannot_be_read_gives_back_what_was_taken(
    store: TillStore, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum that the till took is known whatever becomes of the record of the engine."""
    online = _online(at.engine, 1)
    seal(store, 1, paid_fen=43_210)
    monkeypatch.setattr(At, "recorded", lambda *_: None)
    at.settle_all(store)
    (line,) = _lines(store)

    words = f"give back 432.10, all that the till took; less the cash of {online} if that"
    assert f"{words} was not paid online" == line.next
    assert line.decided is not None
    assert (None, 43_210) == (line.decided.cash_fen, line.decided.refund_fen)


def test_what_was_moved_says_what_became_of_it(store: TillStore, at: At, tmp_path: Path) -> None:
    """Nothing is said to be settled before it was sent, and afterwards the settlement is named."""
    seal(store, 1)
    seal(store, 2, pooling_area="999901")
    for old, new in ((1, 9), (2, 1), (9, 2)):
        alter(tmp_path, "update records set seq = ? where seq = ?", new, old)
    before = _lines(store)
    at.settle_all(store)
    first, second = _lines(store, at)

    assert ["it stands at 2; waiting", "it stands at 1; waiting"] == [each.said for each in before]
    assert all("medsettle offline settle" in each.next for each in before)
    decided = store.decided()[1]
    assert f"it stands at 2; settled {decided.settlement}" == first.said
    back = plain_yuan(decided.refund_fen or 0)
    assert first.next.startswith(f"give back {back}; find out who moved it")
    assert second.said.startswith("it stands at 1; refused POLICY_NOT_FOUND: ")
    assert second.next.startswith("mend the cause")
    assert [Fate.REORDERED, Fate.REORDERED] == [first.fate, second.fate]


def _sealed_again(store: TillStore, folder: Path, seq: int, paid_fen: int) -> None:
    """Put another content under a header, as one can who seals for the till and does not sign."""
    found = found_in(store)[seq - 1]
    assert found.header is not None
    assert found.content is not None
    key = Ed25519PrivateKey.generate()
    made = sealed_record(found.header, replace(found.content, paid_fen=paid_fen), key, SEAL_KEY)
    alter(folder, "update records set sealed = ? where seq = ?", made.sealed, seq)


def test_what_is_not_as_it_was_signed_is_never_sent(
    store: TillStore, at: At, tmp_path: Path
) -> None:
    """Tampered records stay here; moved ones are sent by their signed numbers; gaps are told."""
    receipts = [seal(store, number).receipt for number in (1, 2, 3, 4, 5, 6)]
    _sealed_again(store, tmp_path, 2, paid_fen=1)
    alter(tmp_path, "delete from records where seq = 3")
    alter(tmp_path, "update records set seq = 9 where seq = 4")
    alter(tmp_path, "update records set seq = 4 where seq = 5")
    alter(tmp_path, "update records set seq = 5 where seq = 9")
    alter(tmp_path, "delete from records where seq = 6")
    at.settle_all(store)

    expected = [Fate.SETTLED, Fate.TAMPERED, Fate.MISSING, Fate.REORDERED, Fate.REORDERED]
    assert ["R1", "R4", "R5"] == at.asked
    assert expected == _fates(store, at)
    # Only the receipt knows of the last one.
    assert [*expected, Fate.MISSING] == _fates(store, at, tuple(receipts))


def test_a_receipt_of_another_record_is_told(store: TillStore) -> None:
    """A number that stands for another claim now does not hide the one that was receipted."""
    seal(store, 1)

    assert [Fate.WAITING, Fate.MISSING] == _fates(store, receipts=("1-0123456789abcdef",))


def test_what_the_engine_has_taken_back_or_forgotten_is_told(
    store: TillStore, at: At, tmp_path: Path
) -> None:
    """A cancel is in order; a ledger that was restored from before is not."""
    seal(store, 1)
    seal(store, 2)
    at.settle_all(store)
    at.engine.cancel("H1", "C1", store.decided()[1].settlement)

    assert [Fate.TAKEN_BACK, Fate.SETTLED] == _fates(store, at)
    with _engine(tmp_path / "restored") as restored:
        assert [Fate.FORGOTTEN, Fate.FORGOTTEN] == _fates(store, At(restored))
