"""Tables of what happens between areas: answers, fund codes, open cases, and the books compared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table

from medsettle.audit.three_books import AreaOwed, Comparison
from medsettle.cli.case_watch import Seen
from medsettle.cli.show import grid, yuan
from medsettle.core import codes
from medsettle.core.money import yuan_from_fen
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.demo.tills import Answer

_WORDS: Final = {payer.name: payer.chinese for payer in codes.PAYERS}
_DIFFERENCES_MAX: Final = 20
_BECAME: Final = {
    RequestStatus.COMMITTED: "sent again by its till: settled in all books",
    RequestStatus.TOMBSTONE: "withdrawn here, and reversed there if it had arrived",
    RequestStatus.REJECTED: "refused there, and so here",
}


def answers_table(answers: Sequence[Answer], *, failures: bool = False) -> Table:
    """Return how many claims of each kind were answered how, and who pays what of them."""
    table = grid("at the till of", "insured at", "claim")
    names = ("settled", "not answered") if failures else ("settled", "total", "funds", "cash")
    for name in names:
        table.add_column(name, justify="right", no_wrap=not failures)
    groups: dict[tuple[str, str, str], list[Answer]] = {}
    for each in answers:
        request = each.request
        groups.setdefault((request.care, request.home, request.what), []).append(each)
    for (care, home, what), group in sorted(groups.items()):
        settled = [each for each in group if each.error is None]
        cells = [str(len(settled))]
        if failures:
            reasons = Counter(each.reason for each in group if each.error is not None)
            cells.append(", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "·")
        else:
            for name in ("total_fen", "fund_total_fen", "cash_fen"):
                fen = sum(part.fen(name) for each in settled for part in _parts(each))
                cells.append(yuan_from_fen(fen))
        style = None if care == home else "bold"
        table.add_row(care, home, what, *cells, style=style)
    return table


def _parts(answer: Answer) -> Sequence[Settlement]:
    if isinstance(answer.told, Visit):
        return answer.told.settlements
    return (answer.settlement,)


def codes_table(settlement: Settlement, care: str, home: str) -> Table:
    """Return each payer with the codes by which the two areas book what it pays."""
    table = grid("payer", title="under which codes it is booked")
    for head in ("pays", f"fund of {home}", f"booked at {care} as"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in settlement.payers:
        if row["paid_fen"]:
            name = f"{row['stage']} {_WORDS[str(row['payer'])]}"
            other = row["care_fund_pay_type"] or "·"
            table.add_row(
                escape(name), yuan(row, "paid_fen"), str(row["fund_pay_type"]), str(other)
            )
    return table


def cases_table(cases: Sequence[Seen], states: Mapping[str, str]) -> Table:
    """Return each unknown request and what became of it, and deliveries by the engine they are of.

    `states` are those of the requests that were unknown; without them they are still open.
    """
    table = grid("open at", "what", "with")
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("became")
    for case in cases:
        if case.kind == "unknown":
            status = states.get(case.record, "")
            became = _BECAME.get(status, str(status) or "open")  # type: ignore[call-overload]
            record = escape(case.record.split("/", 1)[1])
            table.add_row(
                case.engine, f"unknown {record}", case.area, f"{case.seconds:.1f}", became
            )
    deliveries: dict[tuple[str, str], list[Seen]] = {}
    for case in cases:
        if case.kind != "unknown":
            deliveries.setdefault((case.engine, case.area), []).append(case)
    for (engine, area), group in deliveries.items():
        longest = max(each.seconds for each in group)
        became = "handed over, and agreed to or taken back" if states else "open"
        what = f"{len(group)} deliveries"
        table.add_row(engine, what, area, f"{longest:.1f}", became)
    return table


def books_table(compared: Comparison) -> Table:
    """Return how many records the books have alike."""
    table = grid("records between the areas")
    table.add_column("", justify="right", no_wrap=True)
    table.add_row("alike in all three books, to the fen, with both versions", str(compared.matched))
    table.add_row(
        "pairs taken back before the place of care had them, which add up to zero",
        str(compared.withdrawn),
    )
    style = "red" if compared.differences else "green"
    table.add_row("different", f"[{style}]{len(compared.differences)}[/]")
    return table


def differences_table(compared: Comparison) -> Table:
    """Return the first differences: of what kind, between whom, and in which columns."""
    table = grid("settlement", "difference", "between", "columns")
    for each in compared.differences[:_DIFFERENCES_MAX]:
        kind = f"{each.kind} at {each.missing_at}" if each.missing_at else str(each.kind)
        table.add_row(each.settlement, kind, " and ".join(each.books), ", ".join(each.columns))
    return table


def owed_table(owed: AreaOwed) -> Table:
    """Return what an area owes another by both books, fund by fund."""
    table = grid("fund", title=f"{owed.debtor} owes {owed.creditor}")
    table.add_column("code")
    table.add_column(f"booked at {owed.creditor} as", justify="right", no_wrap=True)
    table.add_column(f"claimed by {owed.creditor}", justify="right", no_wrap=True)
    table.add_column(f"paid by {owed.debtor}", justify="right", no_wrap=True)
    for fund in owed.funds:
        table.add_row(
            f"{fund.insurance_type} {_WORDS[fund.payer]}",
            fund.fund_pay_type,
            fund.care_fund_pay_type or "·",
            yuan_from_fen(fund.claimed_fen),
            yuan_from_fen(fund.owed_fen),
        )
    table.add_section()
    claimed, paid = yuan_from_fen(owed.claimed_fen), yuan_from_fen(owed.owed_fen)
    table.add_row("in all", "", "", claimed, paid, style="bold")
    return table
