"""`medsettle demo --provinces`: two areas and a hub, a day, a death, and three books that agree.

Everything goes to real processes, as it would at the tills of two provinces. Nobody helps: what is
open after one of them was killed is resolved by the engines between them.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from rich.console import Console
from rich.markup import escape

from medsettle.audit.three_books import Book, Comparison, compare_books
from medsettle.cli.case_watch import CaseWatch
from medsettle.cli.exits import Exit, Quit
from medsettle.cli.province_tables import (
    answers_table,
    books_table,
    cases_table,
    codes_table,
    differences_table,
    owed_table,
)
from medsettle.cli.show import print_explanation, print_table, waterfall
from medsettle.cli.three_servers import Server, three_servers
from medsettle.core.money import yuan_from_fen
from medsettle.core.request_states import RequestStatus
from medsettle.demo.provinces_day import ProvincesDay, Scripts
from medsettle.demo.tills import Answer, Tills
from medsettle.torture.provinces_servers import HUB

_ANSWERS_BEFORE_DEATH: Final = 6
_RESOLVED_SECONDS_MAX: Final = 60.0
_UNKNOWN: Final = "OUTCOME_UNKNOWN"
_SHOWN: Final = "stay, filed: referred"


@dataclass
class ProvincesTour:
    """The stations of the demonstration, against three servers."""

    console: Console
    scripts: Scripts
    servers: dict[str, Server]
    areas: tuple[str, str]
    day: ProvincesDay = field(init=False)
    tills: Tills = field(init=False)
    watch: CaseWatch = field(init=False)

    def __post_init__(self) -> None:
        """Make the day, the tills and the watch over open cases."""
        self.day = ProvincesDay(self.scripts, self.areas)
        self.tills = Tills({area: self.servers[area].address for area in self.areas})
        self.watch = CaseWatch({name: server.data for name, server in self.servers.items()})

    def say(self, text: str) -> None:
        """Print a heading."""
        self.console.print(f"\n[bold cyan]{text}[/]")

    def tell(self, text: str) -> None:
        """Print a line below a heading."""
        self.console.print(f"   {text}", soft_wrap=True, highlight=False)

    def who(self) -> None:
        """Say who serves what."""
        self.say("1. Three processes: two invented areas and a hub between them")
        for name, server in self.servers.items():
            process = server.process
            assert process is not None
            what = "passes on and keeps copies, without rules"
            if name != HUB:
                what = f"decides for area {name} by its rules, reaches all others through {HUB}"
            self.tell(f"{name:8}{server.address}, process {process.pid}: {what}")

    def morning(self) -> list[Answer]:
        """Settle every kind of claim at both areas, and take some of it back."""
        self.say("2. A day of both areas, each with patients of its own and of the other")
        for area in self.areas:
            with self.tills.client(area) as client:
                for opening in self.day.openings():
                    if opening.pooling_area == area:
                        client.open_person(opening)
                for registration in self.day.registrations():
                    if registration.pooling_area == area:
                        client.registrations.record(registration)
        begun = perf_counter()
        answers = self.tills.ask(self.day.morning())
        took = perf_counter() - begun
        self._all_settled(answers)
        print_table(self.console, answers_table(answers))
        self.tell(f"{len(answers)} settled at the tills of their areas in {took:.2f} s")
        self._taken_back(answers)
        return answers

    def _taken_back(self, answers: Sequence[Answer]) -> None:
        """Cancel two, reverse one whose answer the till did not see, send one again."""
        stays = [each for each in answers if each.request.what.startswith("stay")]
        here = [each for each in stays if each.request.care == self.areas[0]]
        across = [each for each in here if each.request.elsewhere]
        local = next(each for each in here if not each.request.elsewhere)
        with self.tills.client(self.areas[0]) as client:
            for each in (local, across[0]):
                back = client.cancel(
                    str(each.settlement.columns["settlement"]),
                    institution=each.request.institution,
                    request_id=f"cancel-{each.request.request_id}",
                )
                where = "in the books of both" if each.request.elsewhere else "at home"
                cash = yuan_from_fen(back.fen("cash_fen"))
                self.tell(f"cancelled {where}: {each.request.request_id}, cash {cash}")
            reversal = client.reverse(
                across[-1].request.institution, across[-1].request.request_id, "reverse-1"
            )
            self.tell(f"reversed: {across[-1].request.request_id} is {reversal.original.status}")
            again = client.settle(across[1].request.claim)
            same = again.columns["settlement"] == across[1].settlement.columns["settlement"]
            self.tell(
                f"the same request again: {across[1].request.request_id}, duplicate: "
                f"{again.duplicate}, the same settlement: {same}"
            )
        if not (again.duplicate and same and reversal.original.status is RequestStatus.REVERSED):
            raise Quit(Exit.FINDING)

    def explained(self, answers: Sequence[Answer]) -> None:
        """Show who pays one stay across areas, by which versions and under which codes."""
        shown = next(each for each in answers if each.request.what == _SHOWN)
        columns, request = shown.settlement.columns, shown.request
        self.say(f"3. One stay across areas in full: settlement {columns['settlement']}")
        self.tell(
            f"treated at {request.care}: lines split by catalogue {columns['catalogue_digest']}"
        )
        self.tell(
            f"insured at {request.home}: benefits by {columns['policy']}, "
            f"version {columns['policy_digest']}"
        )
        print_table(self.console, waterfall(shown.settlement, "who pays which yuan"))
        print_table(self.console, codes_table(shown.settlement, request.care, request.home))
        with self.tills.client(request.care) as client:
            print_explanation(self.console, client.explain(str(columns["settlement"])))

    def rush(self) -> list[Answer]:
        """Kill the second area's engine while a dozen requests are under way."""
        victim = self.servers[self.areas[1]]
        process = victim.process
        assert process is not None
        self.say(f"4. {victim.name} is killed while requests are under way (SIGKILL {process.pid})")
        answers = self.tills.ask(self.day.rush(), _ANSWERS_BEFORE_DEATH, victim.kill)
        self.watch.look()
        print_table(self.console, answers_table(answers, failures=True))
        for reason in sorted({each.reason for each in answers if each.error is not None}):
            one = next(each for each in answers if each.reason == reason)
            self.tell(f"[red]{reason}[/] {escape(str(one.error))}")
        (local,) = self.tills.ask([self.day.at_home(self.areas[0])])
        self._all_settled([local])
        self.tell(f"{self.areas[0]} goes on for its own: settled in {local.seconds * 1e3:.0f} ms")
        unknown = [each for each in self.watch.look() if each.kind == "unknown"]
        self.tell(
            f"open at {self.areas[0]}: {len(unknown)} requests of which it is not known yet what "
            "became of them"
        )
        return answers

    def resolved(self, answers: Sequence[Answer]) -> None:
        """Start the engine again, let tills ask again but one, and wait until nothing is open."""
        victim = self.servers[self.areas[1]]
        self.say(f"5. {victim.name} is started again; nobody repairs anything")
        self.tell(f"serves again after {victim.again():.1f} s, with the ledger as it was")
        failed = [each for each in answers if each.error is not None]
        gone = next((each for each in failed if each.reason == _UNKNOWN), None)
        sent = [each.request for each in failed if each is not gone]
        again = self.tills.ask_until_answered(sent, _RESOLVED_SECONDS_MAX)
        self._all_settled(again)
        self.tell(f"{len(again)} tills sent the same ids again until they were answered")
        if gone is not None:
            self.tell(f"the patient of {gone.request.request_id} has gone: nobody asks again")
        with self.console.status("   waiting until nothing is open ..."):
            closed = self.watch.until_closed(_RESOLVED_SECONDS_MAX)
        if not closed:
            print_table(self.console, cases_table(self.watch.look(), {}))
            self.tell("[red]these are still open[/]")
            raise Quit(Exit.FINDING)
        print_table(self.console, cases_table(list(self.watch.seen.values()), self._states()))
        if gone is not None:
            with self.tills.client(gone.request.care) as client:
                state = client.find_request(gone.request.institution, gone.request.request_id)
            self.tell(f"the final answer to {gone.request.request_id}: {state.status}")
            self.tell(state.advice)

    def _states(self) -> dict[str, str]:
        """Return what became of each request that was unknown."""
        states: dict[str, str] = {}
        for case in self.watch.seen.values():
            if case.kind == "unknown":
                institution, request_id = case.record.split("/", 1)
                with self.tills.client(case.engine) as client:
                    states[case.record] = client.find_request(institution, request_id).status
        return states

    def _all_settled(self, answers: Sequence[Answer]) -> None:
        failed = [each for each in answers if each.error is not None]
        for each in failed:
            self.tell(f"[red]{each.request.request_id}: {escape(str(each.error))}[/]")
        if failed:
            raise Quit(Exit.FINDING)


def run_provinces(console: Console, *, fixtures: Path, keep: Path | None, as_json: bool) -> None:
    """Run the demonstration from beginning to end.

    Raises:
        FileNotFoundError: The project's fixtures are not there.
        Quit: Something was not settled, stayed open, or stands in one book and not in another.
    """
    if as_json:
        console = Console(quiet=True)
    scripts = Scripts.beside(fixtures)
    folder = keep or Path(tempfile.mkdtemp(prefix="medsettle-provinces-"))
    begun = perf_counter()
    with three_servers(scripts.folder, folder) as servers:
        first, second = (name for name in servers if name != HUB)
        tour = ProvincesTour(console, scripts, servers, (first, second))
        tour.who()
        answers = tour.morning()
        tour.explained(answers)
        tour.resolved(tour.rush())
        # What is behind a ledger is written to its audit tables before a server ends.
        codes = [server.stop() for server in servers.values()]
    books = [Book(name, servers[name].audit, (name,)) for name in (first, second)]
    compared = compare_books(books, Book(HUB, servers[HUB].audit))
    _print_comparison(tour, compared)
    _farewell(tour, folder, perf_counter() - begun)
    if as_json:
        Console().out(json.dumps(_summary(compared, tour, folder)), highlight=False)
    if not compared.agrees or any(codes):
        raise Quit(Exit.FINDING)


def _print_comparison(tour: ProvincesTour, compared: Comparison) -> None:
    tour.say("6. Three books: the audit tables of both areas and the hub, verified and compared")
    print_table(tour.console, books_table(compared))
    if compared.differences:
        print_table(tour.console, differences_table(compared))
    tour.tell("what the areas owe one another, by the bills of the one and the funds of the other")
    for owed in compared.owed:
        print_table(tour.console, owed_table(owed))
    tour.tell("[green]all three books agree[/]" if compared.agrees else "[red]the books differ[/]")


def _farewell(tour: ProvincesTour, folder: Path, seconds: float) -> None:
    first, second = tour.areas
    tour.say(f"7. Where everything lies, and what to try next ({seconds:.0f} s)")
    for name, server in tour.servers.items():
        tour.tell(f"{name:8}{server.data}, its peers {server.peers.name}, its log beside them")
    rules = tour.servers[second].rules
    for hint in (
        f"peers check {tour.servers[first].peers}",
        f"peers cases --data {tour.servers[first].data}",
        f"audit show --data {tour.servers[HUB].data}",
        f"ledger verify {tour.servers[second].data} --rules {rules}",
        "torture --provinces --rounds 12 --rules " + str(tour.scripts.folder),
    ):
        tour.tell(f".venv/bin/medsettle {hint}")


def _summary(compared: Comparison, tour: ProvincesTour, folder: Path) -> dict[str, object]:
    return {
        "data": str(folder),
        "matched": compared.matched,
        "withdrawn": compared.withdrawn,
        "differences": len(compared.differences),
        "agrees": compared.agrees,
        "cases": len(tour.watch.seen),
        "owed": [
            {
                "from": each.debtor,
                "to": each.creditor,
                "claimed_fen": each.claimed_fen,
                "owed_fen": each.owed_fen,
            }
            for each in compared.owed
        ],
    }
