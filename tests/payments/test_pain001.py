"""A payment file has the published structure, exact amounts, and sums that a parser finds again."""

import re
from datetime import date
from decimal import Decimal
from hashlib import sha1
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.payments.orders import Party, PaymentOrder, end_to_end_reference
from medsettle.payments.pain001 import Transfer, decimal_text, initiation

from tests.payments.paying import AREA, FUND, HOSPITAL, MOMENT, TODAY, accounts_of, order, person
from tests.payments.reading import Message, read_bytes, root_of, tag

# Written from the published message definition report, as far as we use it: the elements that may
# stand in each, in their order; `!` is required, `+` may repeat and is required, `*` may repeat.
_STRUCTURE = {
    "Document": "CstmrCdtTrfInitn!",
    "CstmrCdtTrfInitn": "GrpHdr! PmtInf+ SplmtryData*",
    "GrpHdr": "MsgId! CreDtTm! Authstn* NbOfTxs! CtrlSum InitgPty! FwdgAgt",
    "PmtInf": "PmtInfId! PmtMtd! BtchBookg NbOfTxs CtrlSum PmtTpInf ReqdExctnDt! PoolgAdjstmntDt "
    "Dbtr! DbtrAcct! DbtrAgt! DbtrAgtAcct InstrForDbtrAgt UltmtDbtr ChrgBr ChrgsAcct ChrgsAcctAgt "
    "CdtTrfTxInf+",
    "CdtTrfTxInf": "PmtId! PmtTpInf Amt! XchgRateInf ChrgBr ChqInstr UltmtDbtr IntrmyAgt1 "
    "IntrmyAgt1Acct IntrmyAgt2 IntrmyAgt2Acct IntrmyAgt3 IntrmyAgt3Acct CdtrAgt CdtrAgtAcct Cdtr "
    "CdtrAcct UltmtCdtr InstrForCdtrAgt* InstrForDbtrAgt Purp RgltryRptg* Tax RltdRmtInf* RmtInf "
    "SplmtryData*",
    "PmtId": "InstrId EndToEndId! UETR",
    "PmtTpInf": "InstrPrty SvcLvl* LclInstrm CtgyPurp",
    "CtgyPurp": "Cd Prtry",
    "ReqdExctnDt": "Dt DtTm",
    "InitgPty": "Nm PstlAdr Id CtryOfRes CtctDtls",
    "Dbtr": "Nm PstlAdr Id CtryOfRes CtctDtls",
    "Cdtr": "Nm PstlAdr Id CtryOfRes CtctDtls",
    "OrgId": "AnyBIC LEI Othr*",
    "DbtrAcct": "Id Tp Ccy Nm Prxy",
    "CdtrAcct": "Id Tp Ccy Nm Prxy",
    "DbtrAgt": "FinInstnId! BrnchId",
    "CdtrAgt": "FinInstnId! BrnchId",
    "FinInstnId": "BICFI ClrSysMmbId LEI Nm PstlAdr Othr",
    "ClrSysMmbId": "ClrSysId MmbId!",
    "ClrSysId": "Cd Prtry",
    "Amt": "InstdAmt EqvtAmt",
    "RmtInf": "Ustrd* Strd*",
    "Othr": "Id! SchmeNm Issr",
}
_TEXTS = {
    "MsgId": r".{1,35}",
    "PmtInfId": r".{1,35}",
    "InstrId": r".{1,35}",
    "EndToEndId": r".{1,35}",
    "UETR": r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}",
    "CreDtTm": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "Dt": r"\d{4}-\d\d-\d\d",
    "NbOfTxs": r"[0-9]{1,15}",
    "CtrlSum": r"\d{1,16}\.\d\d",
    "InstdAmt": r"\d{1,16}\.\d\d",
    "PmtMtd": "TRF",
    "ChrgBr": "DEBT",
    "Nm": r".{1,140}",
    "Ustrd": r".{1,140}",
    "MmbId": r"\d{12}",
    "Id": r".{1,35}",
}


def _message(*orders: PaymentOrder, day: date = TODAY) -> bytes:
    parties = {party for each in orders for party in (each.debtor, each.creditor)}
    accounts = accounts_of(*sorted(parties))
    return initiation(
        "MS0123456789-00000001",
        MOMENT,
        "Invented agency",
        [Transfer(each, accounts[each.debtor], accounts[each.creditor], day) for each in orders],
    )


def _offences(element: ET.Element) -> list[str]:
    """Return what about an element and all in it the published structure does not allow."""
    name, children = tag(element), [tag(child) for child in element]
    found = [offence for child in element for offence in _offences(child)]
    if not children:
        pattern = _TEXTS.get(name, r".+")
        if not re.fullmatch(pattern, element.text or ""):
            found.append(f"{name} holds {element.text!r}, not {pattern}")
        return found
    # Two elements share this name: with a type of party inside, or the number of an account.
    if name == "Id":
        return found if children in (["OrgId"], ["Othr"]) else [*found, f"Id holds {children}"]
    allowed = _STRUCTURE[name].split()
    names = [each.rstrip("!+*") for each in allowed]
    places = [names.index(child) if child in names else -1 for child in children]
    if -1 in places or places != sorted(places):
        found.append(f"{name} holds {children}")
    for each in allowed:
        count = children.count(each.rstrip("!+*"))
        if (each[-1] in "!+" and count == 0) or (each[-1] not in "+*" and count > 1):
            found.append(f"{name} holds {count} of {each}")
    return found


def test_the_elements_stand_in_the_published_order() -> None:
    """A file with every kind of party and two days has only what the message allows, in order."""
    refund = order(3, 5, debtor=HOSPITAL, kind="refund", order="9" * 35, clause="")
    hospital = order(2, 130_000, creditor=HOSPITAL, stage="package")
    content = _message(order(1, 80_000), hospital, refund)

    assert content.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<Document xmlns=")
    assert [] == _offences(root_of(content))


def test_a_file_is_written_out_in_full() -> None:
    """One order of 800.00, every value where a bank looks for it."""
    message = read_bytes(_message(order(1, 80_000)))
    (paid,) = message.transfers
    account = accounts_of(FUND, person(1))

    assert ("MS0123456789-00000001", 1, Decimal("800.00")) == (
        message.message_id,
        message.count,
        message.control_sum,
    )
    assert ("99991300000000000000000001-P03", "CNY", "2024-03-12") == (
        paid.end_to_end,
        paid.currency,
        paid.day,
    )
    assert (account[FUND].account, account[person(1)].account, account[person(1)].bank) == (
        paid.debtor_account,
        paid.creditor_account,
        paid.creditor_bank,
    )
    assert ("99991300000000000000000001 payout lump", "一次性补助 (invented)") == paid.remittance


def test_a_person_s_token_is_not_sent() -> None:
    """The bank knows its customer by the account; our token of the person stays with us."""
    content = _message(order(7, 80_000, order="X", settlement="S")).decode()

    assert "示例P7" in content
    assert f"{AREA}-P7" not in content
    assert f"{AREA}-pooled_fund" in content


def test_each_debtor_and_day_is_a_group_with_its_own_sum() -> None:
    """Two funds make two payment informations; each counts and sums its own transfers."""
    other = Party(FUND.type, AREA, "assistance")
    message = read_bytes(
        _message(order(1, 100), order(2, 250, debtor=other), order(3, 1_000_001, debtor=other))
    )

    assert [(2, Decimal("10002.51"), 2), (1, Decimal("1.00"), 1)] == [
        (count, total, len(paid)) for count, total, paid in message.groups
    ]
    assert (3, Decimal("10003.51")) == (message.count, message.control_sum)


def test_the_same_batch_gives_the_same_bytes() -> None:
    """Whatever order the transfers come in, the file is the same."""
    orders = [order(number, 100 * number) for number in range(1, 9)]

    assert _message(*orders) == _message(*reversed(orders))


_AMOUNTS = st.one_of(
    st.integers(1, limits.PAYMENT_FEN_MAX), st.sampled_from([1, 9, 10, 99, 100, 101])
)


def _sums_hold(message: Message, amounts: list[int]) -> bool:
    fen = [int(paid.amount * 100) for paid in message.transfers]
    groups = all(total == sum(paid.amount for paid in group) for _, total, group in message.groups)
    return groups and amounts == fen and sum(amounts) == int(message.control_sum * 100)


@given(st.lists(_AMOUNTS, min_size=1, max_size=20))
def test_a_parser_finds_the_fen_that_were_ordered(amounts: list[int]) -> None:
    """Read back as decimal numbers, transfers, groups and header sum up to the orders, to a fen."""
    orders = [order(number, amount) for number, amount in enumerate(amounts)]

    assert _sums_hold(read_bytes(_message(*orders)), amounts)


@pytest.mark.parametrize(
    ("fen", "text"),
    [(1, "0.01"), (10, "0.10"), (99, "0.99"), (100, "1.00"), (123_456_789, "1234567.89")],
)
def test_fen_are_written_as_decimal_text(fen: int, text: str) -> None:
    """A point, two decimals and no commas."""
    assert text == decimal_text(fen)


def test_the_largest_sum_has_eighteen_digits() -> None:
    """The bound is what ISO 20022 has digits for; one fen more is a bug of ours."""
    assert "9999999999999999.99" == decimal_text(limits.CONTROL_SUM_FEN_MAX)
    with pytest.raises(AssertionError):
        decimal_text(limits.CONTROL_SUM_FEN_MAX + 1)
    with pytest.raises(AssertionError):
        decimal_text(0)


def test_a_reference_is_the_order_s_for_ever() -> None:
    """The same order has the same reference, another order another one."""
    # RFC 4122 by hand: SHA-1 of the name in our name space, which is itself one of the DNS's.
    dns = bytes.fromhex("6ba7b8109dad11d180b400c04fd430c8")
    own = bytearray(sha1(dns + b"payments.medsettle").digest()[:16])  # noqa: S324 - not for secrecy
    own[6], own[8] = own[6] & 0x0F | 0x50, own[8] & 0x3F | 0x80
    digits = sha1(own + b"S-P03").hexdigest()  # noqa: S324

    expected = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-.{digits[17:20]}-{digits[20:32]}"
    assert re.fullmatch(expected, end_to_end_reference("S-P03"))
    assert "44fcdf2c-6c5b-4667-bf47-dcc508beb94b" == end_to_end_reference("S-P03")
    assert end_to_end_reference("S-P03") != end_to_end_reference("S-P04")


@pytest.mark.parametrize(
    ("chars", "shown"),
    [
        (limits.REMITTANCE_CHARS_MAX, "x" * 140),
        (limits.REMITTANCE_CHARS_MAX + 1, "x" * 139 + "…"),
    ],
    ids=["fits", "one-more"],
)
def test_a_long_clause_is_cut_with_a_mark(chars: int, shown: str) -> None:
    """A clause fills one line of 140 characters at most, and says that it was cut."""
    (paid,) = read_bytes(_message(order(1, 5, clause="x" * chars))).transfers

    assert shown == paid.remittance[1]


def test_what_xml_cannot_carry_is_replaced() -> None:
    """Marks and controls in a clause neither break the file nor vanish without a trace."""
    (paid,) = read_bytes(_message(order(1, 5, clause='a<b>&"c\x00\ud800d\n e'))).transfers

    assert 'a<b>&"c\ufffd\ufffdd e' == paid.remittance[1]
