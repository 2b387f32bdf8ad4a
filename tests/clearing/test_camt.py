"""Where banks may put what we read in `camt.053` and `camt.054`. ISO 20022, EntryTransaction10."""

import pytest
from medsettle import errors
from medsettle.clearing.notices.camt import BankEntry, read_statements

from tests.clearing.bank_messages import Line, Message


def _entries(amount: str, *transactions: str) -> tuple[BankEntry, ...]:
    """Return what is read of one entry of transactions, each with a reference and the given."""
    parts = "".join(
        f"<TxDtls><Refs><AcctSvcrRef>R{at}</AcctSvcrRef></Refs>{told}</TxDtls>"
        for at, told in enumerate(transactions, 1)
    )
    entry = (
        f'<Ntry><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2024-05-20</Dt></BookgDt><NtryDtls>{parts}</NtryDtls></Ntry>"
    )
    message = Message((Line(amount, ""),), entries=entry)
    (statement,) = read_statements(message.xml(), "st.xml")
    return statement.entries


def _amount(text: str, currency: str = "CNY") -> str:
    return f'<Amt Ccy="{currency}">{text}</Amt>'


def _details(text: str, currency: str = "CNY", before: str = "") -> str:
    amount = _amount(text, currency)
    return (
        f"{before}<AmtDtls><InstdAmt>{_amount('9.99')}</InstdAmt><TxAmt>{amount}</TxAmt></AmtDtls>"
    )


def test_the_amount_of_a_transaction_may_stand_among_its_details_alone() -> None:
    """AmtDtls/TxAmt/Amt; where the transaction has an Amt, that is its amount on the account."""
    found = _entries("10.00", _details("2.50"), _details("8.00", before=_amount("7.50")))

    assert [(250, "CNY"), (750, "CNY")] == [(each.amount_fen, each.currency) for each in found]


def test_amounts_among_details_add_up_too() -> None:
    """To the amount of the entry, like any others."""
    with pytest.raises(errors.InvalidRequest, match=r"transactions add up to 10\.01"):
        _entries("10.00", _details("2.50"), _details("7.51"))


def test_an_amount_in_another_currency_adds_up_to_nothing() -> None:
    """It is told as it is, for a person; the others of its entry are read all the same."""
    found = _entries("10.00", _details("1.00", "USD"), _details("2.80"))

    assert [(100, "USD"), (280, "CNY")] == [(each.amount_fen, each.currency) for each in found]


def test_a_transaction_without_an_amount_is_refused() -> None:
    """Of several, which each have one; what was instructed is not what moved."""
    instructed = f"<AmtDtls><InstdAmt>{_amount('2.50')}</InstdAmt></AmtDtls>"
    with pytest.raises(errors.InvalidRequest, match="TxDtls 2: has the amount ''"):
        _entries("10.00", _amount("7.50"), instructed)


@pytest.mark.parametrize("encoding", ["GBK", "GB18030", "no-such"])
def test_an_encoding_that_is_not_read_is_told(encoding: str) -> None:
    """A bank's system may write Chinese as it likes; the file is named, and nothing else ends."""
    content = f'<?xml version="1.0" encoding="{encoding}"?><Document/>'.encode()
    with pytest.raises(errors.InvalidRequest) as caught:
        read_statements(content, "st.xml")

    assert "st.xml: is no XML that can be read" in str(caught.value)
