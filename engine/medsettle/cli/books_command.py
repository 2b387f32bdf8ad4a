"""`medsettle ledger books`: the trial balance of a ledger, in double entry."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from medsettle.books.double_entry import Title
from medsettle.books.trial_balance import BalanceRow, trial_balance
from medsettle.cli.desks import check_is_ledger, ledger_at
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger
from medsettle.cli.show import grid, print_table
from medsettle.core.money import yuan_from_fen
from medsettle.ledger.opening import open_reader

_CHINESE = {
    Title.INSTITUTION: "医疗机构应收",
    Title.FUND: "基金支付",
    Title.ADVANCE: "先行支付",
    Title.INSTITUTION_SHARE: "医院负担",
    Title.PERSONAL_ACCOUNT: "个人账户",
    Title.RELATIVE_LIMIT: "共济额度",
    Title.CASH: "个人现金",
    Title.PAYOUT: "待遇拨付",
    Title.REPLACED_SHARE: "抵减分担",
    Title.BROUGHT_ALONG: "期初余额",
    Title.BETWEEN_AREAS: "区域往来",
}


class By(StrEnum):
    """What a trial balance has a row for."""

    DAY = "day"
    AREA = "area"
    ACCOUNT = "account"


def books(
    data: Data = Path("medsettle-data"),
    by: Annotated[
        By, typer.Option(help="A row for each title of a day and area, of an area, or an account.")
    ] = By.DAY,
    ledger: Ledger = None,
    as_json: Json = False,
) -> None:
    """Print the trial balance (试算平衡): what every account was debited and credited.

    Every entry is booked in double entry, so debits and credits are the same for each day and area.
    May be run beside a server.
    """
    console = Console()
    with told(console, as_json=as_json):
        place = ledger_at(data, ledger)
        check_is_ledger(place)
        with open_reader(place) as reader:
            rows = trial_balance(reader, by.value).rows()
    if as_json:
        console.out(orjson.dumps(_body(rows, by)).decode(), highlight=False)
    elif rows:
        print_table(console, _table(rows, by))
    else:
        console.print("no bookings yet")


def _body(rows: list[BalanceRow], by: By) -> dict[str, object]:
    debit, credit = _sums(rows)
    return {
        "by": by.value,
        "rows": [asdict(row) for row in rows],
        "debit_fen": debit,
        "credit_fen": credit,
        "difference_fen": debit - credit,
    }


def _sums(rows: list[BalanceRow]) -> tuple[int, int]:
    return sum(row.debit_fen for row in rows), sum(row.credit_fen for row in rows)


def _table(rows: list[BalanceRow], by: By) -> Table:
    """Return the rows with a sum below each day and area, which leaves nothing."""
    heads = {By.DAY: ("day", "area"), By.AREA: ("area",), By.ACCOUNT: ("area",)}[by]
    table = grid(*heads, "title")
    if by is By.ACCOUNT:
        table.add_column("holder", overflow="fold")
    for name in ("debit", "credit", "balance"):
        table.add_column(name, justify="right", no_wrap=True)
    group: list[BalanceRow] = []
    for row in rows:
        if group and (row.day, row.pooling_area) != (group[0].day, group[0].pooling_area):
            _add_sum(table, group, by)
            group = []
        table.add_row(*_places(row, by), f"{row.title} {_CHINESE[row.title]}", *_cells(row, by))
        group.append(row)
    _add_sum(table, group, by)
    return table


def _places(row: BalanceRow, by: By) -> list[str]:
    return [str(row.day), row.pooling_area] if by is By.DAY else [row.pooling_area]


def _cells(row: BalanceRow, by: By) -> list[str]:
    holder = [row.holder] if by is By.ACCOUNT else []
    return [*holder, *_amounts(row.debit_fen, row.credit_fen)]


def _amounts(debit: int, credit: int) -> list[str]:
    shown = [yuan_from_fen(fen) if fen else "·" for fen in (debit, credit)]
    return [*shown, yuan_from_fen(debit - credit)]


def _add_sum(table: Table, rows: list[BalanceRow], by: By) -> None:
    blank = [""] * (len(_places(rows[0], by)) + (by is By.ACCOUNT))
    cells = [*blank, "sum 合计"] if by is not By.ACCOUNT else ["", "sum 合计", ""]
    table.add_row(*cells, *_amounts(*_sums(rows)), style="bold", end_section=True)
