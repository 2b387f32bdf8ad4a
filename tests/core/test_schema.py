"""The columns: unique, documented, bounded, and the page written from them."""

from pathlib import Path

import generate_schema
import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.core import codes, schema
from medsettle.core.columns import Column, Kind

_PAGE = Path(__file__).parents[2] / "engine" / "schema.md"
_ALL = [
    pytest.param(column, id=f"{table}.{column.name}")
    for table, columns in schema.TABLES.items()
    for column in columns
]


@pytest.mark.parametrize("table", schema.TABLES)
def test_names_are_unique(table: str) -> None:
    """No table has two columns of one name, nor two of one national alias."""
    columns = schema.TABLES[table]
    names = [column.name for column in columns]
    aliases = [column.alias for column in columns if column.alias]

    assert sorted(set(names)) == sorted(names)
    assert sorted(set(aliases)) == sorted(aliases)


@pytest.mark.parametrize("column", _ALL)
def test_column_says_its_unit_bounds_and_meaning(column: Column) -> None:
    """A column has a sentence, bounds in order, and its unit in the name where it is money."""
    assert column.doc.endswith(".")
    assert column.name.isidentifier()
    assert column.name.islower()
    assert column.least <= column.most
    assert (column.kind is Kind.FEN) == column.name.endswith("_fen")
    assert (column.kind is Kind.DATE) == column.name.endswith("_date")


@pytest.mark.parametrize("column", _ALL)
def test_arrow_field_carries_the_column(column: Column) -> None:
    """The Arrow field has the name, is nullable only where optional, and knows the alias."""
    field = column.arrow_field()

    assert column.name == field.name
    assert column.required is not field.nullable
    assert column.doc.encode() == field.metadata[b"doc"]
    assert column.alias.encode() == field.metadata.get(b"alias", b"")


@pytest.mark.parametrize("column", _ALL)
def test_money_is_int64_and_never_floats(column: Column) -> None:
    """No column of any table is a floating-point number; fen are int64."""
    kind = column.arrow_field().type

    assert not pa.types.is_floating(kind)
    if column.kind is Kind.FEN:
        assert pa.int64() == kind
        assert column.most <= limits.AMOUNT_FEN_MAX


def test_settlement_names_every_payer_and_pot() -> None:
    """Each payer and each pot of the code lists has an amount on the settlement, with its field."""
    aliases = {column.name: column.alias for column in schema.SETTLEMENT}
    expected = {f"{payer.name}_fen": payer.field for payer in codes.PAYERS}
    expected |= {f"{pot.name}_fen": pot.field for pot in codes.POTS}

    assert expected == {name: aliases[name] for name in expected}


def test_settlement_repeats_the_claim_s_facts() -> None:
    """What chose policy and catalogue is on the record; birth and entitlements stay off it."""
    claim = {column.name for column in schema.CLAIM}
    settlement = {column.name for column in schema.SETTLEMENT}
    facts = {column.name for column in schema.VISIT_FACTS} - {"care_area"}

    alone = {"birth_date", "benefit_groups", "account_used", "offline_time"}
    assert alone | facts == claim - settlement


def test_claim_schema_nests_its_lines() -> None:
    """A batch has the claim columns and, last, a list of lines that is never null."""
    batch = schema.claim_schema()

    assert [*(column.name for column in schema.CLAIM), "lines"] == batch.names
    lines = batch.field("lines")
    assert not lines.nullable
    assert [column.name for column in schema.LINE] == [
        field.name for field in lines.type.value_type
    ]


def test_page_is_that_of_today_s_columns() -> None:
    """`engine/schema.md` is what `make schema` writes now."""
    assert generate_schema.page() == _PAGE.read_text(encoding="utf-8")
