"""`medsettle policy test`: settle the worked examples beside the policies."""

from datetime import date
from functools import cache

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json, Overlays, Paths, RulesBeside
from medsettle.cli.rule_folders import example_files, rule_folder
from medsettle.policy import book as books
from medsettle.policy.example_names import named_examples
from medsettle.settle.prove import proof_faults
from medsettle.settle.run import Settler


def test(
    paths: Paths, rules: RulesBeside = None, overlay: Overlays = None, as_json: Json = False
) -> None:
    """Settle the worked examples beside the policies and compare every amount."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        files = [file for path in paths for file in example_files(path)]
        folder = rule_folder(rules, paths)

        @cache
        def settler(known_on: date | None) -> Settler:
            book = books.load_rule_book(folder, overlays=overlay or [], known_on=known_on)
            return Settler(book)

        policies = settler(None).book.policies
        read = [example for file in files for example in named_examples(file, policies)]
        results = [(example, proof_faults(settler(example.known_on), example)) for example in read]
    failed = [result for result in results if result[1]]
    if as_json:
        body = [{"example": each.name, "faults": faults} for each, faults in results]
        console.out(orjson.dumps(body).decode(), highlight=False)
    else:
        for each, faults in results:
            mark = "[red]fails[/]" if faults else "[green]ok[/]"
            console.print(f"{mark} {each.policy} {escape(each.name)} ({each.kind})")
            for fault in faults:
                console.print(f"     {escape(fault)}", highlight=False)
        console.print(f"{len(results) - len(failed)} of {len(results)} examples come out")
    if failed or not results:
        raise Quit(Exit.FINDING)
