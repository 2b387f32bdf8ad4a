"""Persons and relations as a person wants to read them, and as JSON."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from medsettle.cli.show import grid
from medsettle.core.money import yuan_from_fen
from medsettle.core.relatives import Person, RelationState
from medsettle.errors import Fault, InvalidRequest


def person_of(text: str, path: str) -> Person:
    """Return the person that an argument names as area/person.

    Raises:
        InvalidRequest: There is no area; `path` names the argument.
    """
    area, slash, person = text.partition("/")
    if not slash:
        raise InvalidRequest([Fault(path, f"found {text!r}; expected area/person")])
    return Person(area, person)


def relations_table(states: Sequence[RelationState]) -> Table:
    """Return one row for each relation."""
    table = grid("giver", "receiver", "no.")
    for head in ("limit", "used"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    for state in states:
        relation = state.relation
        table.add_row(
            escape("/".join(relation.giver)),
            escape("/".join(relation.receiver)),
            str(relation.number),
            yuan_from_fen(state.limit_fen),
            yuan_from_fen(state.used_fen),
            "" if state.bound else "dissolved",
        )
    return table


def relation_json(state: RelationState) -> dict[str, object]:
    """Return a relation as a JSON object, its persons as area/person."""
    relation = state.relation
    return {
        "giver": "/".join(relation.giver),
        "receiver": "/".join(relation.receiver),
        "number": relation.number,
        "limit_fen": state.limit_fen,
        "used_fen": state.used_fen,
        "bound": state.bound,
        "duplicate": state.duplicate,
    }
