"""What is held of a person as a cardholder wants to read it, and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.cli.relation_words import relation_json, relations_table
from medsettle.cli.show import grid, print_table
from medsettle.cli.visit_words import registration_json, registrations_table
from medsettle.core.cards import Card
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.enquiries import LimitLeft, Overview, PastSettlement
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import PersonState
from medsettle.core.statements import Movement

# Ids are folded once where a terminal has eighty columns.
_HALF_AN_ID = 13


def overview_json(overview: Overview) -> dict[str, object]:
    """Return an overview as a JSON object; its parts as the commands about them print them."""
    state = overview.person
    return {
        "pooling_area": state.pooling_area,
        "person": state.person,
        "moment": overview.moment,
        "insured": overview.insured,
        "account_fen": state.account_fen,
        "counters": [
            {"counter": counter, "period": period, "value": value}
            for counter, period, value in state.counters
        ],
        "limits": [asdict(each) for each in overview.limits],
        "cards": [asdict(each) for each in overview.cards],
        "registrations": [registration_json(each) for each in overview.registrations],
        "relations": [relation_json(each) for each in overview.relations],
        "settlements": [asdict(each) for each in overview.settlements],
    }


def print_overview(console: Console, overview: Overview) -> None:
    """Print account and insurance of a person, and a table of each part that holds something."""
    state = overview.person
    insured = "insured, as far as is known" if overview.insured else "insurance ended"
    console.print(
        f"[bold]{escape(state.person)}[/] of area {escape(state.pooling_area)} at "
        f"{shown_time(overview.moment)}: {insured}; account {yuan_from_fen(state.account_fen)}",
        highlight=False,
        soft_wrap=True,
    )
    for table in _parts(overview):
        print_table(console, table)


def movements_table(movements: Sequence[Movement], moved: str, after: str) -> Table:
    """Return one row for each movement, under heads for what moved and what it led to."""
    table = grid()
    for head in ("when", "what", "institution"):
        table.add_column(head, no_wrap=True)
    for head in (moved, after):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("entry", overflow="fold", min_width=_HALF_AN_ID)
    for each in movements:
        table.add_row(
            shown_time(each.create_time),
            each.kind,
            escape(each.institution),
            yuan_from_fen(each.fen),
            yuan_from_fen(each.balance_fen),
            escape(each.entry),
        )
    return table


def shown_time(moment: datetime) -> str:
    """Return a moment in China Standard Time, to the second."""
    return f"{moment.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M:%S}"


def _parts(overview: Overview) -> Iterator[Table]:
    if overview.limits:
        yield _limits(overview.limits)
    if overview.person.counters:
        yield _counters(overview.person)
    if overview.cards:
        yield _cards(overview.cards)
    if overview.registrations:
        yield _titled("registrations", registrations_table(list(overview.registrations)))
    if overview.relations:
        yield _titled("relatives", relations_table(overview.relations))
    if overview.settlements:
        yield _settlements(overview.settlements)


def _titled(title: str, table: Table) -> Table:
    table.title = title
    return table


def _limits(limits: Sequence[LimitLeft]) -> Table:
    """Return one row for each limit with what is left of it, or what else would have to be told."""
    table = grid(title="what is left")
    table.add_column("of which limit", overflow="fold")
    for head in ("limit", "used", "left"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("tell also", overflow="fold")
    for each in limits:
        amounts = (each.limit_fen, each.used_fen, each.left_fen)
        table.add_row(
            f"{escape(each.title)}, {each.kind.replace('_', ' ')}\n[dim]{escape(each.policy)}[/]",
            *("" if fen is None else yuan_from_fen(fen) for fen in amounts),
            escape(", ".join(each.needs)),
        )
    return table


def _counters(state: PersonState) -> Table:
    table = grid("counter", "period", title="counters")
    # Fen for amounts, plain numbers for counts: the document of each counter says which.
    table.add_column("value", justify="right", no_wrap=True)
    for counter, period, value in state.counters:
        table.add_row(escape(counter), str(period), str(value))
    return table


def _cards(cards: Sequence[Card]) -> Table:
    table = grid("card", "kind", "state", "since", "until", title="cards")
    for each in cards:
        until = str(each.expires_date or "·")
        since = shown_time(each.since)
        table.add_row(escape(each.card), each.kind.value, each.state.value, since, until)
    return table


def _settlements(past: Sequence[PastSettlement]) -> Table:
    table = grid(title="last settlements")
    for head in ("day", ""):
        table.add_column(head, no_wrap=True)
    for head in ("total", "funds", "accounts", "cash"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("settlement", overflow="fold", min_width=_HALF_AN_ID)
    for each in past:
        accounts = each.account_fen + each.mutual_aid_fen
        amounts = (each.total_fen, each.fund_total_fen, accounts, each.cash_fen)
        table.add_row(
            str(each.service_date),
            "cancelled" if each.cancelled_by else each.kind,
            *map(yuan_from_fen, amounts),
            escape(each.settlement),
        )
    return table
