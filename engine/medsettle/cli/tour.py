"""`medsettle demo`: a real server, a day of claims, real cases, and what is left behind.

Everything goes through gRPC to a server process of its own, as it would at a hospital. The claims
of the day are invented from a seed; the cases are the worked examples beside the policies.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from medsettle import errors, limits
from medsettle.audit import connect, verify
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE
from medsettle.cli.exits import Exit, Quit
from medsettle.cli.show import grid, print_explanation, print_table, rows_table, waterfall
from medsettle.cli.tour_visits import second_act
from medsettle.client import Client
from medsettle.core.arrow import claims_table
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row
from medsettle.demo.cases import CaseResult, settle_case
from medsettle.demo.day import (
    INPATIENT,
    OUTPATIENT,
    PHARMACY,
    Scene,
    Site,
    day_of_claims,
    person_openings,
)
from medsettle.demo.showcase import Scripts, Showcase
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book
from medsettle.policy.examples import read_examples
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.counter_keys import stored_name

_SEED = 20240603
_DAY = date(2024, 6, 3)
_SHOWN_CASE = "WC-001"
_STOP_SECONDS = limits.SHUTDOWN_SECONDS_MAX + 10

FUNDS_BY_PAYER = """
    select payer, stage, count(*) filter (paid_fen <> 0) as times, sum(paid_fen)::bigint as paid_fen
    from payers group by all having sum(paid_fen) <> 0 order by sum(paid_fen) desc
"""

DAY_BY_VISIT = """
    select visit_type as visit, kind, count(*) as rows, sum(total_fen)::bigint as total_fen,
           sum(fund_total_fen)::bigint as funds_fen,
           sum(account_fen + mutual_aid_fen)::bigint as accounts_fen,
           sum(cash_fen)::bigint as cash_fen
    from settlements group by all order by all
"""

PROOF = """
    select count(*) as settlements,
           sum(total_fen - fund_total_fen - institution_share_fen - account_fen - mutual_aid_fen
               - cash_fen)::bigint as left_fen
    from settlements
"""


@dataclass
class Tour:
    """The stations of the demonstration, against one server."""

    console: Console
    book: RuleBook
    client: Client
    rules: Path
    count: int

    def say(self, text: str) -> None:
        """Print a heading."""
        self.console.print(f"\n[bold cyan]{text}[/]")

    def day(self) -> list[Row]:
        """Settle a day of invented claims as Arrow batches; return the claims."""
        scene = self._scene()
        claims = day_of_claims(scene, _DAY, self.count)
        self.say(
            f"1. A day at a hospital and a pharmacy of area {scene.pooling_area}: {len(claims)} "
            f"invented claims (seed {_SEED})"
        )
        openings = person_openings(scene)
        for opening in track(openings, "people with their accounts", console=self.console):
            self.client.open_person(opening)
        begun = perf_counter()
        answers = self.client.settle_table(claims_table(claims))
        took = perf_counter() - begun
        outcomes = answers["outcome"].to_pylist()
        settled = outcomes.count("SETTLED")
        lines = sum(len(_lines(claim)) for claim in claims)
        self.console.print(
            f"   {settled} settled, {len(outcomes) - settled} rejected, {lines} charge lines, "
            f"{took:.2f} s over gRPC with one durable commit a batch"
        )
        return claims

    def _scene(self) -> Scene:
        """Return the first area and scheme with policies for every kind of visit."""
        kinds = (OUTPATIENT, PHARMACY, INPATIENT)
        for compiled in self.book.policies:
            area, scheme = compiled.area, compiled.policy.insurance_type
            if all(self.book.candidates(area.code, scheme, kind) for kind in kinds):
                groups = {
                    dimension.codes[1][0]
                    for other in self.book.policies
                    if other.area is area
                    for dimension in other.policy.dimensions.values()
                    if dimension.kind == "group"
                }
                return Scene(
                    pooling_area=area.code,
                    insurance_type=scheme,
                    hospital=Site(f"H{area.code}00001", area.price_levels[-1][0]),
                    pharmacy=Site(f"P{area.code}00001", area.price_levels[0][-1]),
                    catalogue=self.book.catalogues[area.code],
                    seed=_SEED,
                    benefit_groups=tuple(sorted(groups)),
                )
        raise errors.PolicyNotFound(f"no area has policies of one scheme for all visits of {kinds}")

    def cases(self) -> list[CaseResult]:
        """Settle every worked example and show which come out to the fen."""
        self.say("2. Published and derived cases, through the same server")
        results: list[CaseResult] = []
        for file in sorted(self.rules.glob(f"*/*{EXAMPLES_SUFFIX}")):
            examples, faults = read_examples(file)
            if faults:
                raise errors.PolicyRejected(faults)
            for example in examples:
                results += settle_case(self.client, self.book, example)
        print_table(self.console, _cases_table(results))
        for result in results:
            for notice in result.settlement.notices:
                line = f"   {result.example.name} is a preview only: {notice}"
                self.console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
        wrong = [result for result in results if not result.holds]
        self.console.print(
            f"   {len(results) - len(wrong)} of {len(results)} visits come out to the fen, "
            "the derived ones among them"
        )
        for result in wrong:
            self.console.print(f"[red]   {escape(result.example.name)} does not[/]")
        if wrong:
            raise Quit(Exit.FINDING)
        return results

    def stay(self, results: list[CaseResult]) -> CaseResult:
        """Show the waterfall of one stay, and why each payer pays what."""
        shown = next((each for each in results if each.example.name == _SHOWN_CASE), results[0])
        settlement = str(shown.settlement.columns["settlement"])
        self.say(f"3. One stay in full: {shown.example.name}, settlement {settlement}")
        print_table(self.console, waterfall(shown.settlement, "who pays which yuan"))
        print_explanation(self.console, self.client.explain(settlement))
        return shown

    def twice(self, shown: CaseResult) -> None:
        """Send a settled request again, and the same id with other content."""
        self.say("4. The same request again does not settle twice")
        before = self._counters(shown)
        again = self.client.settle(shown.claim)
        self.console.print(
            f"   answered {again.columns['settlement']}, duplicate: {again.duplicate}; counters "
            f"unchanged: {before == self._counters(shown)}"
        )
        try:
            self.client.settle(shown.claim | {"account_used": not shown.claim["account_used"]})
        except errors.RequestIdReused as error:
            self.console.print(f"   other content under that id: [red]{escape(str(error))}[/]")

    def cancelled(self, shown: CaseResult) -> None:
        """Cancel the stay and show that every counter is back."""
        self.say("5. Cancelling takes back exactly what was moved")
        before = self._counters(shown)
        answer = self.client.cancel(
            str(shown.settlement.columns["settlement"]),
            institution=str(shown.claim["institution"]),
            request_id="cancel-1",
        )
        after = self._counters(shown)
        table = grid("counter", "before the cancel", "after")
        for name, value in before.items():
            table.add_row(name, value, after.get(name, "0"))
        self.console.print(
            f"   {answer.columns['settlement']} takes back {answer.columns['original']}: cash "
            f"{yuan_from_fen(answer.fen('cash_fen'))}"
        )
        print_table(self.console, table)

    def _counters(self, shown: CaseResult) -> dict[str, str]:
        """Return account and counters of the person, amounts as yuan and counts as numbers."""
        person = self.client.person(str(shown.claim["pooling_area"]), str(shown.claim["person"]))
        policy = self.book.policy(shown.example.policy).policy
        counts = {
            stored_name(policy.insurance_type, name)
            for name, counter in policy.counters.items()
            if not counter.sums
        }
        counters = {
            f"{name} {period}": str(value) if name in counts else f"{yuan_from_fen(value)} yuan"
            for name, period, value in person.counters
        }
        return counters | {"account": f"{yuan_from_fen(person.account_fen)} yuan"}

    def refused(self, shown: CaseResult) -> None:
        """Send a claim with several faults; all of them come back."""
        self.say("6. A bad claim gets all its faults back at once")
        lines = [dict(line) for line in _lines(shown.claim)]
        lines[0] |= {"amount_fen": -1, "fee_date": "2031-01-01"}
        bad = shown.claim | {"request_id": "bad-1", "visit_type": "77", "lines": lines}
        try:
            self.client.settle(bad)
        except errors.InvalidRequest as error:
            for line in error.message_lines:
                self.console.print(f"   [red]{escape(line)}[/]", soft_wrap=True)


def _cases_table(results: list[CaseResult]) -> Table:
    """Return the published cases; those worked out from a rule are counted below it."""
    table = grid("published case", "policy")
    for name in ("funds pay", "patient pays"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("to the fen")
    for result in results:
        if result.example.kind == "published":
            table.add_row(
                escape(result.example.name),
                result.example.policy,
                yuan_from_fen(result.settlement.fen("fund_total_fen")),
                yuan_from_fen(result.settlement.fen("person_total_fen")),
                "[green]✓[/]" if result.holds else "[red]✗[/]",
            )
    return table


def _lines(claim: Row) -> list[Row]:
    lines = claim["lines"]
    assert isinstance(lines, list)
    return lines


def run_tour(
    console: Console,
    *,
    rules: Path,
    fixtures: Path,
    count: int,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Run the demonstration from beginning to end; the second act needs the project's fixtures.

    Raises:
        Quit: A case did not come out, or the audit tables do not hold what was settled.
    """
    if as_json:
        console = Console(quiet=True)
    data = keep or Path(tempfile.mkdtemp(prefix="medsettle-demo-"))
    book = load_rule_book(rules)
    with _server(rules, data) as address, Client(address, timeout=60) as client:
        console.print(f"[dim]server at {address}, data in {data}[/]")
        tour = Tour(console, book, client, rules, count)
        tour.day()
        shown = tour.stay(tour.cases())
        tour.twice(shown)
        tour.cancelled(shown)
        tour.refused(shown)
    summary = _audit(console, data)
    _second_act(console, Scripts.beside(fixtures), data / "showcase")
    _farewell(console, data, rules, shown.example.policy)
    if as_json:
        Console().out(json.dumps(summary | {"data": str(data)}), highlight=False)


def _second_act(console: Console, scripts: Scripts, data: Path) -> None:
    if missing := scripts.missing():
        console.print(
            f"\n8. The second act is left out: {missing[0]} is not here; run the demonstration in "
            "the project's folder, or name its fixtures with --fixtures",
            soft_wrap=True,
        )
        return
    with _server(scripts.rules, data) as address, Client(address, timeout=60) as client:
        second_act(console, Showcase(client, scripts))
    head = verify(data / AUDIT_FOLDER)
    console.print(f"   chain of the second act verified to ledger position {head.last_seq}")


@contextmanager
def _server(rules: Path, data: Path) -> Iterator[str]:
    """Run `medsettle serve` as a process of its own; stop it gracefully at the end."""
    command = [sys.executable, "-m", "medsettle.cli", "serve", "--json"]
    command += ["--rules", str(rules), "--data", str(data), "--listen", "127.0.0.1:0"]
    # A ledger that the environment names is not for trying things out.
    command += ["--ledger", str(data / LEDGER_FILE), "--log-level", "warning"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise errors.LedgerUnavailable("the server ended before it was ready; see above")
        try:
            yield json.loads(line)["serving"]
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _audit(console: Console, data: Path) -> dict[str, object]:
    """Query the audit tables that the server wrote behind the ledger."""
    console.print("\n[bold cyan]7. The audit tables, asked with DuckDB[/]")
    head = verify(data / AUDIT_FOLDER)
    with connect(data / AUDIT_FOLDER) as connection:
        for query in (DAY_BY_VISIT, FUNDS_BY_PAYER):
            print_table(console, rows_table(connection.sql(query).to_arrow_table().to_pylist()))
        (proof,) = connection.sql(PROOF).to_arrow_table().to_pylist()
    console.print(
        f"   {proof['settlements']} settlements; total less all payers: {proof['left_fen']} fen; "
        f"chain verified to ledger position {head.last_seq}",
        soft_wrap=True,
    )
    if proof["left_fen"]:
        raise Quit(Exit.FINDING)
    return {"settlements": proof["settlements"], "last_seq": head.last_seq}


def _farewell(console: Console, data: Path, rules: Path, policy: str) -> None:
    console.print("\n[bold cyan]9. Where everything lies, and what to try next[/]")
    for what, where in (
        ("ledger", data / LEDGER_FILE),
        ("audit tables", data / AUDIT_FOLDER),
        ("policies", rules),
    ):
        console.print(f"   {what:14}{where}", soft_wrap=True, highlight=False)
    for hint in (
        f"medsettle audit show --data {data}",
        f"medsettle audit verify --data {data}",
        f"medsettle explain SETTLEMENT --data {data}",
        f"medsettle policy show {policy}",
        "medsettle policy check rules",
        "medsettle policy test rules",
    ):
        console.print(f"   .venv/bin/{hint}", soft_wrap=True, highlight=False)
