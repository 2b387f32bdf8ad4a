"""What a till seals is durable, hidden, once, and every change to it is found."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle import limits
from medsettle.errors import InvalidRequest, Precondition, RequestIdReused
from medsettle.offline.records import content_of, header_of, is_receipt
from medsettle.offline.till import Place, read_back, record_claim
from medsettle.privacy.sealed import new_sealing_key

from tests.offline.sealing import (
    KEY,
    KEYS,
    PLACE,
    SEAL_KEY,
    SEALED_AT,
    alter,
    clock,
    found_in,
    seal,
    store_in,
)
from tests.service.claims import claim


def test_a_sealed_claim_comes_back_as_it_was(tmp_path: Path) -> None:
    """Claim, moment and cash are those that were given; the receipt names the record."""
    with store_in(tmp_path) as store:
        receipt = seal(store, 1, paid_fen=30_000)
        (found,) = found_in(store)

    assert found.header is not None
    assert found.content is not None
    assert (1, "R1", 50_000, 30_000) == (
        *(receipt.seq, receipt.request_id, receipt.total_fen, receipt.paid_fen),
    )
    assert is_receipt(receipt.receipt)
    assert ("", "", SEALED_AT) == (found.wrong, found.moved, found.header.moment)
    assert 30_000 == found.content.paid_fen
    assert "P1" == found.content.claim["person"]
    assert SEALED_AT.isoformat().removesuffix("+00:00") in str(found.content.claim["offline_time"])


def test_nobody_reads_a_person_in_the_file(tmp_path: Path) -> None:
    """The bytes of the store hold neither the token of a person nor what was bought."""
    person = "person-token-that-would-stand-out"
    with store_in(tmp_path) as store:
        seal(store, 1, person=person)
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"R1" in held
    assert person.encode() not in held
    assert b"item_code" not in held


def test_the_same_claim_is_sealed_once(tmp_path: Path) -> None:
    """A till that asks again, even later, gets the receipt it had; another claim is refused."""
    with store_in(tmp_path) as store:
        first = seal(store, 1)
        again = record_claim(
            store, PLACE, claim(1), None, KEYS, lambda: SEALED_AT + timedelta(hours=1)
        )
        with pytest.raises(RequestIdReused, match="another claim, record 1"):
            seal(store, 1, amount_fen=60_000)

        assert replace(first, again=True) == again
        assert 1 == len(found_in(store))


def test_all_faults_of_a_claim_are_told_before_it_is_sealed(tmp_path: Path) -> None:
    """A claim that no engine would take is none that is sealed, and nothing is recorded."""
    with store_in(tmp_path) as store:
        with pytest.raises(InvalidRequest) as told:
            seal(store, 1, pooling_area=None, insurance_type="999")
        stated = claim(1, offline_time=SEALED_AT - timedelta(1))
        with pytest.raises(InvalidRequest) as of_till:
            record_claim(store, Place("H2", "t"), stated, 50_001, KEYS, clock)

        assert {"pooling_area", "insurance_type"} == {each.path for each in told.value.faults}
        assert {"institution", "paid", "offline_time"} == {
            each.path for each in of_till.value.faults
        }
        assert [] == found_in(store)


@pytest.mark.parametrize("paid", [pytest.param(0, id="nothing"), pytest.param(50_000, id="all")])
def test_cash_is_at_most_the_bill(tmp_path: Path, paid: int) -> None:
    """Nothing and the whole bill may be taken, one fen more or less may not."""
    outside = -1 if paid == 0 else 50_001
    with store_in(tmp_path) as store:
        assert paid == seal(store, 1, paid_fen=paid).paid_fen
        with pytest.raises(InvalidRequest, match=r"expected 0 to the bill of 500\.00"):
            seal(store, 2, paid_fen=outside)


def test_a_store_has_as_many_records_as_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one that may be is sealed, and the next is refused with what to do."""
    monkeypatch.setattr(limits, "OFFLINE_RECORDS_MAX", 2)
    with store_in(tmp_path) as store:
        seal(store, 1)
        seal(store, 2)
        with pytest.raises(InvalidRequest, match="has 2 records, as many as it may; settle them"):
            seal(store, 3)


def test_a_record_has_a_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that seals to the bound is taken, and with one byte less of room it is not."""
    with store_in(tmp_path) as store:
        seal(store, 1)
        (kept,) = store.records()
        monkeypatch.setattr(limits, "OFFLINE_RECORD_BYTES_MAX", len(kept.record.sealed))
        seal(store, 2)
        monkeypatch.setattr(limits, "OFFLINE_RECORD_BYTES_MAX", len(kept.record.sealed) - 1)
        with pytest.raises(InvalidRequest, match="split the claim"):
            seal(store, 3)

        assert 2 == len(found_in(store))


@pytest.mark.parametrize(
    ("column", "says"),
    [
        pytest.param("header", "header is not what this institution signed", id="header"),
        pytest.param("sealed", "content is not the one that was signed", id="content"),
        pytest.param("signature", "header is not what this institution signed", id="signature"),
    ],
)
def test_every_changed_byte_is_found(tmp_path: Path, column: str, says: str) -> None:
    """One bit anywhere in any part of a record makes it one that is not trusted.

    Of the content, which is long and held by one digest, every sixteenth byte is tried.
    """
    with store_in(tmp_path) as store:
        for number in (1, 2, 3):
            seal(store, number)
        kept = {each.seq: getattr(each.record, column) for each in store.records()}
        for place in range(0, len(kept[2]), 16 if column == "sealed" else 1):
            changed = bytearray(kept[2])
            changed[place] ^= 1
            alter(tmp_path, f"update records set {column} = ? where seq = 2", bytes(changed))
            found = found_in(store)

            assert [True, False, True] == [each.content is not None for each in found], place
            assert says in found[1].wrong or "signed" in found[1].wrong


def test_a_content_opens_beside_its_own_header_alone(tmp_path: Path) -> None:
    """Put under the header of another record, it does not even open, whatever the digests say."""
    with store_in(tmp_path) as store:
        seal(store, 1)
        seal(store, 2)
        one, two = (each.record for each in store.records())
    moved = replace(two, sealed=one.sealed)

    with pytest.raises(Precondition, match="sealed for something else"):
        content_of(moved, header_of(two, KEY.public_key()), SEAL_KEY)


def test_moved_and_missing_records_are_told_by_their_numbers(tmp_path: Path) -> None:
    """Records that changed places keep their signed numbers; a gap is one that is missing."""
    with store_in(tmp_path) as store:
        for number in (1, 2, 3, 4):
            seal(store, number)
        alter(tmp_path, "update records set seq = 9 where seq = 2")
        alter(tmp_path, "update records set seq = 2 where seq = 3")
        alter(tmp_path, "update records set seq = 3 where seq = 9")
        alter(tmp_path, "delete from records where seq = 1")
        found = found_in(store)

    assert [2, 3, 4] == [each.seq for each in found]
    assert ["it stands at 3", "it stands at 2", ""] == [each.moved for each in found]


def test_a_second_history_of_a_till_is_found(tmp_path: Path) -> None:
    """A store that was set back and went on another way does not follow from what it sealed."""
    (tmp_path / "other").mkdir()
    with store_in(tmp_path) as store:
        seal(store, 1)
        alter(tmp_path, "vacuum into ?", str(tmp_path / "other" / "till.db"))
        seal(store, 2)
        seal(store, 3)
        with store_in(tmp_path / "other") as other:
            seal(other, 7)
            (_, forged) = other.records()
        alter(
            tmp_path,
            "update records set request_id = ?, header = ?, sealed = ?, signature = ?"
            " where seq = 2",
            *(forged.request_id, forged.record.header, forged.record.sealed),
            forged.record.signature,
        )
        found = found_in(store)

    assert ["", "", "it does not follow the record 2 that stands before it"] == [
        each.wrong for each in found
    ]


def test_a_record_kept_under_another_request_id_is_found(tmp_path: Path) -> None:
    """The id by which the store is asked is the one that is sealed."""
    with store_in(tmp_path) as store:
        seal(store, 1)
        alter(tmp_path, "update records set request_id = 'R5'")
        (found,) = found_in(store)

    assert "it is kept under request id 'R5', and 'R1' is sealed" == found.wrong


def test_another_institution_s_key_trusts_nothing(tmp_path: Path) -> None:
    """What another key signed is no record of this institution; another seal key opens nothing."""
    hint = "no record here is signed by this key: see first whether it is the one of"
    with store_in(tmp_path) as store:
        seal(store, 1)
        seal(store, 2)
        for found in read_back(store, Ed25519PrivateKey.generate().public_key(), SEAL_KEY):
            assert "header is not what this institution signed" in found.wrong
            assert hint in found.wrong
        with pytest.raises(Precondition):
            read_back(store, KEY.public_key(), new_sealing_key("offline"))
        alter(tmp_path, "update records set signature = zeroblob(64) where seq = 1")
        changed, sound = read_back(store, KEY.public_key(), SEAL_KEY)
        assert "header is not what this institution signed" == changed.wrong.removeprefix("its ")
        assert not sound.wrong
