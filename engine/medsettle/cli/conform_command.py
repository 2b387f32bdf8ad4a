"""`medsettle conform`: runs the scenarios of the national interface against an endpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle import limits
from medsettle.cli.exits import Exit, Quit, UnreadableFile, told
from medsettle.cli.options import Json
from medsettle.cli.show import print_table

if TYPE_CHECKING:
    from medsettle.conformance.running import Checked, Kit, Outcome
    from medsettle.conformance.scenarios import Scenario

_COLOURS = {"passed": "green", "failed": "bold red", "skipped": "dim"}


def conform(
    url: Annotated[
        str, typer.Argument(help="Where requests are posted, such as http://host:8080.")
    ],
    scenarios: Annotated[Path, typer.Option(help="Folder of the scenario files.")] = Path(
        "fixtures/conformance"
    ),
    only: Annotated[
        list[str] | None, typer.Option(help="Name of a scenario; may be given several times.")
    ] = None,
    institution: Annotated[
        list[str] | None,
        typer.Option(help="Code of an institution the files name, as hospital=H11000000001."),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="A header of every request, as 'name: value'.")
    ] = None,
    client: Annotated[
        str | None, typer.Option(help="Client name of signed headers x-tif-*, with --token.")
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="MEDSETTLE_TOKEN", help="Its token.")] = None,
    sign_in: Annotated[
        bool, typer.Option("--sign-in/--no-sign-in", help="Sign in by 9001 first.")
    ] = True,
    by_infno: Annotated[
        bool, typer.Option("--by-infno", help="Post everything to the address itself.")
    ] = False,
    any_code: Annotated[
        bool, typer.Option("--any-code", help="Take refusals whatever code their err_msg has.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="How long to wait for an answer.", min=0.1)
    ] = limits.CONFORM_SECONDS_DEFAULT,
    as_json: Json = False,
) -> None:
    """Check an endpoint of the national interface: every scenario, with exact amounts.

    Exit code 0 says that all passed, 1 that one did not. Settlements are cancelled at the end of
    each scenario; run it against an endpoint for tests all the same.
    """
    # HTTP is loaded for this command alone.
    from medsettle.conformance.endpoint import Endpoint, Signer  # noqa: PLC0415
    from medsettle.conformance.running import Kit  # noqa: PLC0415
    from medsettle.conformance.scenarios import read_names, read_scenarios  # noqa: PLC0415

    if (client is None) != (token is None):
        raise typer.BadParameter("--client and --token go together; give both")
    signer = Signer(client, token) if client is not None and token is not None else None
    headers = _pairs(header or (), ":", "--header 'name: value'")
    codes = _pairs(institution or (), "=", "--institution name=code")
    console = Console()
    with told(console, as_json=as_json):
        try:
            endpoint = Endpoint(url, not by_infno, headers, signer, seconds)
            found = read_scenarios(scenarios, only or ())
            names = read_names(scenarios)
        except ValueError as error:
            raise UnreadableFile(str(error)) from error
        endpoint.reach()
        kit = Kit(endpoint, names, codes, sign_in=sign_in, codes=not any_code)
        outcomes = _outcomes(console, kit, found, as_json=as_json)
    if not as_json:
        passed = sum(each.passed for each in outcomes)
        console.print(f"{passed} of {len(outcomes)} scenarios passed at {url}", highlight=False)
    if not all(each.passed for each in outcomes):
        raise Quit(Exit.FINDING)


def _outcomes(
    console: Console, kit: "Kit", scenarios: "Sequence[Scenario]", *, as_json: bool
) -> "list[Outcome]":
    """Return what became of scenarios, shown to programs one by one, to people at once."""
    outcomes = []
    for each in scenarios:
        outcome = kit.run(each)
        outcomes.append(outcome)
        if as_json:
            console.out(orjson.dumps(_as_json(outcome)).decode(), highlight=False)
    if not as_json:
        print_table(console, _table(outcomes))
    return outcomes


def _pairs(given: Sequence[str], between: str, form: str) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, found, value = each.partition(between)
        if not found or not name.strip() or not value.strip():
            raise typer.BadParameter(f"{each!r}: write it as {form}")
        pairs[name.strip()] = value.strip()
    return pairs


def _table(outcomes: Sequence["Outcome"]) -> Table:
    table = Table("scenario", "step", "infno", "result", "what is wrong")
    for outcome in outcomes:
        for at, each in enumerate(outcome.steps):
            name = outcome.scenario.scenario if at == 0 else ""
            colour = _COLOURS[each.verdict.value]
            table.add_row(
                name,
                each.step.step,
                each.step.number,
                f"[{colour}]{each.verdict.value}[/]",
                escape("\n".join(each.faults)),
                end_section=at == len(outcome.steps) - 1,
            )
    return table


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    return {
        "scenario": outcome.scenario.scenario,
        "passed": outcome.passed,
        "steps": [_step(each) for each in outcome.steps],
    }


def _step(checked: "Checked") -> dict[str, Any]:
    return {
        "step": checked.step.step,
        "infno": checked.step.number,
        "result": checked.verdict.value,
        "faults": list(checked.faults),
    }
