"""Visits and registrations as a person wants to read them, and as JSON."""

from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.cli.show import answer_json, grid, print_table, waterfall, yuan
from medsettle.core.money import yuan_from_fen
from medsettle.core.visits import RegistrationState, Visit

# Heads and columns of who pays; what nobody pays in any scheme is left out, but for the sides.
_AMOUNTS = (
    ("total", "total_fen"),
    ("funds", "fund_total_fen"),
    ("hospital", "institution_share_fen"),
    ("account", "account_fen"),
    ("relatives", "mutual_aid_fen"),
    ("cash", "cash_fen"),
)
_ALWAYS = {"total", "funds", "cash"}


def print_visit(console: Console, visit: Visit) -> None:
    """Print who pays what in each scheme, and to which scheme each line went and why."""
    schemes = _schemes(visit)
    print_table(console, sums_table(visit))
    for part, settlement in enumerate(visit.settlements, 1):
        own = settlement.columns["settlement"] or "(preview)"
        print_table(console, waterfall(settlement, f"{part} {schemes[part]}: settlement {own}"))
    print_table(console, routes_table(visit))
    for notice in visit.notices:
        console.print(f"[yellow]{escape(notice)}[/]", soft_wrap=True)


def visit_json(visit: Visit) -> dict[str, object]:
    """Return a visit as a JSON object; each settlement as `medsettle settle` prints it."""
    return {
        "visit": visit.visit,
        "kind": visit.kind,
        "original": visit.original,
        "reversed_request": visit.reversed_request,
        "seq": visit.seq,
        "create_time": visit.create_time,
        "request_id": visit.request_id,
        "institution": visit.institution,
        "pooling_area": visit.pooling_area,
        "person": visit.person,
        "duplicate": visit.duplicate,
        "notices": list(visit.notices),
        "settlements": [
            answer_json(str(part.columns["request_id"]), part) for part in visit.settlements
        ],
        "routes": [asdict(route) | {"reason": route.reason} for route in visit.routes],
    }


def registration_json(state: RegistrationState) -> dict[str, object]:
    """Return a registration as a JSON object: its columns, and what is known of the record."""
    return {
        "pooling_area": state.pooling_area,
        "person": state.person,
        "about": state.about,
        **state.registration.row(),
        "seq": state.seq,
        "create_time": state.create_time,
        "duplicate": state.duplicate,
        "credential_type": state.credential_type,
        "card": state.card,
    }


def registrations_table(states: list[RegistrationState]) -> Table:
    """Return one row for each registration."""
    table = grid("kind", "number", "from", "until", "for", "more")
    for state in states:
        own = state.registration
        told = {
            "part": own.injured_part,
            "event": own.event_date,
            "accepted": own.accepted_date,
            "": own.timeliness,
            "continues": own.continues,
            "groups": " ".join(own.benefit_groups),
        }
        table.add_row(
            escape(own.kind),
            escape(own.number),
            str(own.valid_from),
            str(own.valid_until or "·"),
            escape(" ".join((*own.diagnoses, *own.items)) or "·"),
            escape(", ".join(f"{name} {value}".strip() for name, value in told.items() if value)),
        )
    return table


def sums_table(visit: Visit) -> Table:
    """Return one row for each scheme with what its payers pay, and their sum."""
    schemes = _schemes(visit)
    what = "cancel" if visit.original else "visit"
    title = f"{what} {visit.visit or '(preview)'}"
    if visit.original:
        title += f" of {visit.original}"
    if visit.duplicate:
        title += f", recorded before at {visit.create_time:%Y-%m-%d %H:%M:%S} UTC"
    paying = [
        (head, column)
        for head, column in _AMOUNTS
        if head in _ALWAYS or any(part.fen(column) for part in visit.settlements)
    ]
    table = grid("", "scheme", "insurance", title=title)
    for head, _ in paying:
        table.add_column(head, justify="right", no_wrap=True)
    for part, settlement in enumerate(visit.settlements, 1):
        table.add_row(
            str(part),
            escape(schemes[part]),
            str(settlement.columns["insurance_type"]),
            *(yuan(settlement.columns, column) for _, column in paying),
            end_section=part == len(visit.settlements),
        )
    sums = (yuan_from_fen(visit.fen(column)) for _, column in paying)
    table.add_row("", "in all", "", *sums, style="bold")
    return table


def routes_table(visit: Visit) -> Table:
    """Return one row for each line with the scheme that settles it, and the reason."""
    amounts = {str(row["line_id"]): row for part in visit.settlements for row in part.lines}
    table = grid("line", title="routes")
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for route in visit.routes:
        amount = yuan(amounts[route.line_id], "amount_fen")
        table.add_row(escape(route.line_id), amount, escape(route.reason))
    return table


def _schemes(visit: Visit) -> dict[int, str]:
    return {route.part: route.scheme for route in visit.routes}
