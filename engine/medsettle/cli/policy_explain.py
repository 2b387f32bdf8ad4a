"""`medsettle policy explain`: walk one claim through the rules, for whoever writes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.exits import Exit, Quit, UnreadableFile, say, told
from medsettle.cli.files import ENDINGS, read_claims
from medsettle.cli.options import Json, Overlays, Rules
from medsettle.cli.walk_json import walk_json
from medsettle.cli.walk_words import print_walk
from medsettle.core.settlement import Row
from medsettle.errors import NotFound, PolicyNotFound, PolicyNotInForce, PolicyRejected
from medsettle.policy import book as books
from medsettle.policy import values
from medsettle.policy.example_names import examples_beside
from medsettle.policy.examples import Example, Visit, read_examples
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.tree import Place
from medsettle.policy.vocabulary import suggestion
from medsettle.settle.run import Settler
from medsettle.settle.walk import Walk, walk

What = Annotated[
    str,
    typer.Argument(
        metavar="CLAIM|POLICY",
        help="A file of claims; with --example the name of a policy, or a file of examples.",
    ),
]
ExampleName = Annotated[
    str | None, typer.Option("--example", help="A worked example of the policy, by its name.")
]
Number = Annotated[
    int | None,
    typer.Option(
        "--visit", help="Which visit of the example or claim of the file, from 1; else the last."
    ),
]
Before = Annotated[
    list[str] | None,
    typer.Option(
        help="What the person brings along to it, like pooled_paid=98000元 or admissions=1次; may "
        "be given several times."
    ),
]


def explain(
    what: What,
    example: ExampleName = None,
    visit: Number = None,
    before: Before = None,
    rules: Rules = Path("rules"),
    overlay: Overlays = None,
    as_json: Json = False,
) -> None:
    """Walk one claim through: which policy, class, pot, table cell and amount, and why.

    Visits of the same person before it are settled first, so that counters stand as they would.
    Nothing is recorded. For what a ledger recorded there is `medsettle explain`.
    """
    console = Console()
    with told(console, as_json=as_json):
        asked = _Asked(what, example, rules, tuple(overlay or []), _brought(before or []))
        found = asked.walked(console, visit, as_json=as_json)
    if as_json:
        console.out(orjson.dumps(walk_json(found)).decode(), highlight=False)
    else:
        print_walk(console, found)
    if found.differences:
        raise Quit(Exit.FINDING)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: a claim of a file, or a visit of an example, and by which rules."""

    what: str
    example: str | None
    rules: Path
    overlays: tuple[Path, ...]
    brought: dict[str, int]

    def walked(self, console: Console, visit: int | None, *, as_json: bool) -> Walk:
        """Return the claim walked through."""
        book = self._book(None)
        if self.example is None:
            visits, name, policy = self._claims(book), Path(self.what).name, None
        else:
            found = self._found(book, self.example)
            visits, name, policy = list(found.visits), found.name, found.policy
            book = book if found.known_on is None else self._book(found.known_on)
        number = _number(visit, len(visits), name)
        chosen = visits[number - 1]
        visits[number - 1] = replace(chosen, before=chosen.before | self.brought)
        try:
            return walk(Settler(book), name, visits, number, policy)
        except (PolicyNotFound, PolicyNotInForce) as error:
            lines = [*error.message_lines, *_policies_for(book, chosen.claim)]
            say(console, error.reason, lines, as_json=as_json)
            raise Quit(Exit.FINDING) from error

    def _book(self, known_on: date | None) -> RuleBook:
        return books.load_rule_book(self.rules, overlays=self.overlays, known_on=known_on)

    def _claims(self, book: RuleBook) -> list[Visit]:
        """Return the claims of a file as visits that bring nothing along.

        Raises:
            UnreadableFile: It is no file of claims; where it is a policy, its examples are named.
        """
        path = Path(self.what)
        if path.suffix not in ENDINGS and not path.exists():
            examples = [example.name for example in _examples(self.what, book)]
            named = f"; choose one with --example: {', '.join(examples)}" if examples else ""
            raise UnreadableFile(
                f"{self.what} is a policy, and a claim is to be walked through{named}"
            )
        place = Place(self.what, 1, 1, "")
        return [Visit(row, {}, {}, preview=False, place=place) for row in read_claims(path)]

    def _found(self, book: RuleBook, name: str) -> Example:
        """Return the example of a name.

        Raises:
            NotFound: There is no such example.
            PolicyNotFound: There is no such policy.
            PolicyRejected: The examples have faults.
        """
        examples = _examples(self.what, book)
        for example in examples:
            if example.name == name:
                return example
        hint = suggestion(name, [example.name for example in examples])
        raise NotFound(f"{self.what} has no example {name!r}; {hint}", example=name)


# --- what was asked for -------------------------------------------------------------------------


def _brought(texts: Sequence[str]) -> dict[str, int]:
    """Return what the person brings along by the name of its counter.

    Raises:
        UnreadableFile: A text is not `name=value`; all such texts are told.
    """
    found: dict[str, int] = {}
    faults = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not name or not sign:
            faults.append(
                f"--before {text} names no counter; write pooled_paid=98000元 or the like"
            )
            continue
        parse = values.count if value.endswith(("次", "times")) else values.amount_fen
        try:
            found[name] = parse(value)
        except ValueError as error:
            faults.append(f"--before {text}: {error}")
    if faults:
        raise UnreadableFile("\n".join(faults))
    return found


def _number(visit: int | None, count: int, name: str) -> int:
    """Return the number of the visit asked for, or of the last one.

    Raises:
        UnreadableFile: There is no such visit.
    """
    if visit is None:
        return count
    if not 1 <= visit <= count:
        span = f"--visit 1 to {count}" if count > 1 else "--visit 1"
        raise UnreadableFile(f"{name} has no visit {visit}; write {span}")
    return visit


def _examples(what: str, book: RuleBook) -> list[Example]:
    """Return the examples of a policy, which lie in the folder of its document, or of a file."""
    if not what.endswith(".yaml"):
        return examples_beside(book.policy(what).policy)
    path = Path(what)
    if not what.endswith(books.EXAMPLES_SUFFIX):
        path = path.with_name(path.stem + books.EXAMPLES_SUFFIX)
    found, violations = read_examples(path)
    if violations:
        raise PolicyRejected(violations)
    return found


def _policies_for(book: RuleBook, claim: Row) -> list[str]:
    """Return what is loaded for the area of a claim that no policy decides, one line for each."""
    area = claim.get("pooling_area") if isinstance(claim, dict) else None
    if area not in book.areas:
        return [f"loaded are the areas {', '.join(book.areas)}"]
    lines = [f"loaded for area {area}:"]
    for compiled in book.policies:
        policy = compiled.policy
        if policy.pooling_area == area:
            until = f" until {policy.in_force_until}" if policy.in_force_until else ""
            lines.append(
                f"{policy.name}: insurance type {policy.insurance_type}, visit types "
                f"{', '.join(policy.visit_types)}, from {policy.in_force_from}{until}"
            )
    return lines
