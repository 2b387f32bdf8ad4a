"""Comparing what a place of care, a place of insurance and a hub recorded of the same settlements.

The place of insurance decides and the two others hold copies
([0034](../../decisions/0034-two-engines-and-one-record.md)), so all that is compared is equal or
wrong: amounts, shares of payers, versions, and whether a settlement was taken back. Only audit
tables are read, and only after their chains and hashes were verified. Local settlements are left
out: those of persons of the area, and those between two areas that one engine serves.

One case is no difference. What the place of care did not take is taken back by the place of
insurance; the two records add up to zero there, and the place of care has neither of them.

A claim of care elsewhere that was settled by the place of insurance alone, such as one that is
reimbursed by hand, cannot be told from one whose copy is missing: the audit tables do not say by
whom the lines were split.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from medsettle.audit.query import connect_all, persons_keys
from medsettle.audit.verification import verify
from medsettle.core import codes
from medsettle.core.columns import Kind
from medsettle.core.schema import PAYER_DETAIL, SETTLEMENT
from medsettle.core.settlement import Row

if TYPE_CHECKING:
    import duckdb

SHARES: Final = "payers"
"""The list of payers' shares in a row of a book, in the order of the waterfall."""

TAKEN_BACK_BY: Final = "taken_back_by"
"""The negative record that takes a settlement back, in a row of a book; None where it stands."""

# What a book says of itself: where and when it recorded.
_OWN: Final = frozenset({"seq", "create_time", "side"})
_PLACE: Final = frozenset({"seq", "settlement"})
_PERSONAL: Final = frozenset({"person", "card"})
_COLUMNS: Final = tuple(each.name for each in SETTLEMENT if each.name not in _OWN)
_SHARE_COLUMNS: Final = tuple(each.name for each in PAYER_DETAIL if each.name not in _PLACE)
_AMOUNTS: Final = tuple(each.name for each in SETTLEMENT if each.kind is Kind.FEN)
# The balance of an account is what it held at a moment; it does not come back with a cancel.
_ADDED_UP: Final = tuple(name for name in _AMOUNTS if name != "account_balance_fen")

_VERSIONS: Final = frozenset({"policy", "policy_digest", "catalogue_digest"})
_STATES: Final = frozenset({"kind", "original", "reversed_request", TAKEN_BACK_BY})
_FUNDS: Final = frozenset({SHARES, *(f"{payer.name}_fen" for payer in codes.PAYERS)})

_Seen: TypeAlias = tuple[str, Row | None]
"""The name of a book, and the row that it has of a settlement."""


class DifferenceKind(StrEnum):
    """How two books differ, by what weighs most: where more is different, the first is told."""

    MISSING = "missing"
    STATE = "state"
    AMOUNT = "amount"
    SPLIT = "split"
    VERSION = "version"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class Book:
    """The audit tables of one engine; the `areas` are those that it decides for, none of a hub."""

    name: str
    folder: Path
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One settlement, or what takes one back, that two books do not have alike.

    `books` are their names and `rows` what they have, None where it is missing; `columns` are the
    columns that differ, `SHARES` and `TAKEN_BACK_BY` among them. A settlement that is taken back in
    one book only is one difference, told of the settlement.
    """

    kind: DifferenceKind
    settlement: str
    books: tuple[str, str]
    columns: tuple[str, ...]
    rows: tuple[Row | None, Row | None]

    @property
    def missing_at(self) -> str | None:
        """The book that lacks it; None where both have it."""
        lacking = (name for name, row in zip(self.books, self.rows, strict=True) if row is None)
        return next(lacking, None)


@dataclass(frozen=True, slots=True)
class FundOwed:
    """What one fund owes: `claimed_fen` by the place of care's book, `owed_fen` by its own.

    A fund is a payer of an insurance type with the code of the place of insurance, and that by
    which the place of care books what comes of it.
    """

    insurance_type: str
    payer: str
    fund_pay_type: str
    care_fund_pay_type: str | None
    claimed_fen: int
    owed_fen: int


@dataclass(frozen=True, slots=True)
class AreaOwed:
    """What an area of insurance owes an area of care, by the books of both.

    `claimed_fen` is what the bills at the place of care leave after the institutions' own shares
    and the patients' cash; `owed_fen` what funds, accounts and relatives pay in the book of the
    place of insurance.
    """

    debtor: str
    creditor: str
    claimed_fen: int
    owed_fen: int
    funds: tuple[FundOwed, ...]

    @property
    def agrees(self) -> bool:
        """Whether both books say the same, as a whole and of each fund."""
        return self.claimed_fen == self.owed_fen and all(
            fund.claimed_fen == fund.owed_fen for fund in self.funds
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the books say together.

    `matched` counts records that all have alike, negative ones among them; `withdrawn` pairs that
    add up to zero and never reached the place of care.
    """

    matched: int
    withdrawn: int
    differences: tuple[Difference, ...]
    owed: tuple[AreaOwed, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs, and nobody owes what is not claimed."""
        return not self.differences and all(each.agrees for each in self.owed)


def compare_books(areas: Sequence[Book], hub: Book | None = None) -> Comparison:
    """Return what the books of several areas, and of the hub between them, say of one another.

    Args:
        areas: The books of engines that decide; settlements with any other area are left out.
        hub: The book of a hub that passed all of them on.

    Persons and cards are compared where all books have them plain or under one key.

    Raises:
        AuditCorrupt: The tables of a book were changed, or something of them is missing.
    """
    for book in (*areas, *([] if hub is None else [hub])):
        verify(book.folder)
    folders = {f"book{number}": book.folder for number, book in enumerate(areas)}
    if hub is not None:
        folders["hub"] = hub.folder
    keys = frozenset().union(*(persons_keys(folder) for folder in folders.values()))
    # Of one person each engine has a pseudonym of its own, which says nothing to the others.
    left_out = frozenset() if len(keys) <= 1 else _PERSONAL
    with connect_all(folders) as connection:
        _make_sides(connection, areas, left_out, with_hub=hub is not None)
        found = connection.sql(_JOINED).to_arrow_table().to_pylist()
        matched = connection.sql(_MATCHED).to_arrow_table().to_pylist()[0]["matched"]
        owed = tuple(_owed(connection))
    of_area = {area: book.name for book in areas for area in book.areas}
    names = _Names(of_area, None if hub is None else hub.name)
    withdrawn = _withdrawn(found)
    differences = tuple(_differences(found, withdrawn, names))
    return Comparison(matched, len(withdrawn), differences, owed)


# --- what is asked of the tables ---------------------------------------------------------------


def _make_sides(
    connection: "duckdb.DuckDBPyConnection",
    areas: Sequence[Book],
    left_out: frozenset[str],
    *,
    with_hub: bool,
) -> None:
    """Make the views `home`, `care` and `hub_copies`: one row a settlement and its place."""
    connection.execute("create table served (area varchar, book varchar)")
    for number, book in enumerate(areas):
        for area in book.areas:
            connection.execute("insert into served values (?, ?)", [area, f"book{number}"])
    schemas = [f"book{number}" for number in range(len(areas))]
    sides = partial(_side, left_out)
    home = [sides(each, f"side is null and insured.book = '{each}'") for each in schemas]
    care = [sides(each, f"side = 'care' and treated.book = '{each}'") for each in schemas]
    hub = [sides("hub", "side = 'hub'")] if with_hub else [f"from ({home[0]}) where false"]
    for name, parts in (("home", home), ("care", care), ("hub_copies", hub)):
        connection.execute(f"create table {name} as {' union all '.join(parts)}")
    unlike = "hub_copies.facts is distinct from coalesce(home.facts, care.facts)"
    connection.execute(f"""
        create view joined as
        select coalesce(home.settlement, care.settlement, hub_copies.settlement) as settlement,
          home.facts as home, care.facts as care, hub_copies.facts as hub,
          home.facts is not distinct from care.facts
            and {"not " + unlike if with_hub else "true"} as alike
        from home full outer join care using (settlement)
          full outer join hub_copies
          on hub_copies.settlement = coalesce(home.settlement, care.settlement)
    """)  # noqa: S608 - no text of a user


def _side(left_out: frozenset[str], schema: str, condition: str) -> str:
    """Return the query for what a book holds of settlements between two engines' areas."""
    columns = ", ".join(f"{name} := s.{name}" for name in _COLUMNS if name not in left_out)
    shares = ", ".join(f"{name} := {name}" for name in _SHARE_COLUMNS)
    return f"""
        select s.settlement, s.pooling_area, s.care_area, s.insurance_type, struct_pack({columns},
          {TAKEN_BACK_BY} := back.settlement, {SHARES} := shared.shares) as facts
        from "{schema}".settlements s
          join served insured on insured.area = s.pooling_area
          join served treated on treated.area = s.care_area and treated.book <> insured.book
          left join (select original, min(settlement) as settlement from "{schema}".settlements
            where kind = 'cancel' group by original) back on back.original = s.settlement
          left join (select seq, list(struct_pack({shares}) order by position) as shares
            from "{schema}".payers group by seq) shared using (seq)
        where {condition}
    """  # noqa: S608 - names of our own


_JOINED: Final = "select settlement, home, care, hub from joined where not alike order by 1"
_MATCHED: Final = "select count(*) as matched from joined where alike"

_OWED: Final = """
    with shares as (
      select 'care' as side, pooling_area as debtor, care_area as creditor, insurance_type,
        unnest(facts.payers) as share from care
      union all
      select 'home', pooling_area, care_area, insurance_type, unnest(facts.payers) from home),
    bills as (
      select pooling_area as debtor, care_area as creditor,
        sum(facts.total_fen - facts.institution_share_fen - facts.cash_fen)::bigint as bills_fen
      from care group by all)
    select debtor, creditor, insurance_type, share.payer as payer,
      share.fund_pay_type as fund_pay_type, share.care_fund_pay_type as care_fund_pay_type,
      coalesce(sum(share.paid_fen) filter (side = 'care'), 0)::bigint as claimed_fen,
      coalesce(sum(share.paid_fen) filter (side = 'home'), 0)::bigint as owed_fen,
      coalesce(any_value(bills_fen), 0) as bills_fen
    from shares left join bills using (debtor, creditor)
    where share.payee = 'bill' and share.payer <> 'institution_share'
    group by debtor, creditor, insurance_type, share.payer, share.fund_pay_type,
      share.care_fund_pay_type
    order by all
"""


def _owed(connection: "duckdb.DuckDBPyConnection") -> Iterator[AreaOwed]:
    rows = connection.sql(_OWED).to_arrow_table().to_pylist()
    for (debtor, creditor), group in groupby(rows, lambda row: (row["debtor"], row["creditor"])):
        found = list(group)
        funds = tuple(
            FundOwed(**{name: row[name] for name in FundOwed.__slots__})
            for row in found
            if row["claimed_fen"] or row["owed_fen"]
        )
        owed_fen = sum(row["owed_fen"] for row in found)
        yield AreaOwed(debtor, creditor, found[0]["bills_fen"], owed_fen, funds)


# --- what is made of the answers ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """What the books are called: those of areas by the area, and that of the hub, if one is."""

    of_area: Mapping[str, str]
    hub: str | None

    def seen(self, row: Mapping[str, Row | None]) -> list[_Seen]:
        """Return what each book has of a settlement, the one first that decides."""
        held = next(facts for facts in (row["home"], row["care"], row["hub"]) if facts is not None)
        home, care = str(held["pooling_area"]), str(held["care_area"])
        books = [(self.of_area[home], row["home"]), (self.of_area[care], row["care"])]
        return books if self.hub is None else [*books, (self.hub, row["hub"])]


def _withdrawn(found: Sequence[Mapping[str, Row | None]]) -> set[str]:
    """Return what the place of insurance took back and the place of care never had."""
    at_home = {str(row["settlement"]): row["home"] for row in found if row["care"] is None}
    withdrawn = set()
    for name, facts in at_home.items():
        back = None if facts is None else at_home.get(str(facts[TAKEN_BACK_BY]))
        if facts is not None and back is not None and _add_up_to_zero(facts, back):
            withdrawn.add(name)
    return withdrawn


def _add_up_to_zero(one: Row, other: Row) -> bool:
    return all(_fen(one, name) + _fen(other, name) == 0 for name in _ADDED_UP)


def _fen(row: Row, name: str) -> int:
    value = row[name]
    assert isinstance(value, int)
    return value


def _differences(
    found: Sequence[Mapping[str, Row | None]], withdrawn: set[str], names: _Names
) -> Iterator[Difference]:
    """Yield every difference once; see `Difference`."""
    rows = {str(row["settlement"]): row for row in found}
    for settlement, row in rows.items():
        seen = names.seen(row)
        first = next(at for at, (_, facts) in enumerate(seen) if facts is not None)
        for at, (book, facts) in enumerate(seen):
            if at == first:
                continue
            pair = (seen[first], (book, facts)) if at > first else ((book, facts), seen[first])
            if facts is None:
                place = ("home", "care", "hub")[at]
                if not _told_elsewhere(seen[first][1], rows, place, withdrawn):
                    yield _difference(DifferenceKind.MISSING, settlement, pair, ())
                continue
            columns = tuple(name for name in facts if facts[name] != (seen[first][1] or {})[name])
            if columns:
                yield _difference(_kind(columns), settlement, pair, columns)


def _difference(
    kind: DifferenceKind, settlement: str, pair: tuple[_Seen, _Seen], columns: tuple[str, ...]
) -> Difference:
    (one, row), (other, other_row) = pair
    return Difference(kind, settlement, (one, other), columns, (row, other_row))


def _told_elsewhere(
    facts: Row | None,
    rows: Mapping[str, Mapping[str, Row | None]],
    place: str,
    withdrawn: set[str],
) -> bool:
    """Return whether a record may be missing from a book, or is told of what it takes back."""
    assert facts is not None
    original = facts["original"]
    if original is None:
        if str(facts["settlement"]) not in withdrawn:
            return False
        return place == "care" or rows[str(facts[TAKEN_BACK_BY])][place] is None
    if str(original) in withdrawn:
        return True
    # As its negative record is missing, the books have the original unlike, where both have it.
    return str(original) in rows and rows[str(original)][place] is not None


def _kind(columns: Sequence[str]) -> DifferenceKind:
    differ = set(columns)
    if differ & _STATES:
        return DifferenceKind.STATE
    if differ & {*_AMOUNTS} - _FUNDS:
        return DifferenceKind.AMOUNT
    if differ & _FUNDS:
        return DifferenceKind.SPLIT
    return DifferenceKind.VERSION if differ & _VERSIONS else DifferenceKind.FACT
