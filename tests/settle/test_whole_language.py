"""The random documents say everything that a document can say, and the oracle hears it."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import Phase, given, seed, settings
from medsettle.policy.model import Policy
from medsettle.policy.read_counters import IDENTIFIERS
from medsettle.policy.read_facts import DIMENSION_KINDS
from medsettle.policy.tree import Place

from tests.settle.strategies import policies

# What is drawn depends on the modules loaded before: as many as it takes, up to a bound.
_BATCHES_MAX = 8
_DOCUMENTS_PER_BATCH = 100
_ENOUGH = 3

_TESTS = Path(__file__).parents[1]

# What is for people, or says which claims come to the document at all; no amount depends on it.
_FOR_PEOPLE = {
    "Policy": {"title", "sources"},
    "Source": {"key", "title", "where", "confidence"},
    "Stage": {"title", "source"},
    "Version": {"source", "confidence", "note", "issued"},
    "Gap": {"says"},
}
_OF_THE_SCHEME = {"name", "pooling_area", "insurance_type", "visit_types"}
_OF_THE_BOOK = {*_OF_THE_SCHEME, "in_force_from", "in_force_until", "rule_date"}
# The checker reads it where a table is used; to the oracle a cell is a number.
_OF_THE_CHECKER = {"unit", "banded"}


def _records(kind: object) -> Iterator[type]:
    """Yield the records that a value of a type may hold, itself included; places are none."""
    if is_dataclass(kind) and isinstance(kind, type) and kind is not Place:
        yield kind
        for hint in get_type_hints(kind).values():
            yield from _records(hint)
    for part in get_args(kind):
        yield from _records(part)


_RECORDS = tuple(dict.fromkeys(_records(Policy)))


def _meaning(record: type) -> Iterator[tuple[Field[Any], Any]]:
    """Yield the fields of a record that say something to the engine, with their types.

    Where something stands, and what is told to people, makes no two policies differ.
    """
    hints = get_type_hints(record)
    for field in fields(record):
        if field.compare and field.name not in _FOR_PEOPLE.get(record.__name__, ()):
            yield field, hints[field.name]


def _looks(value: object) -> object:
    """Return what of a value has to occur: what it is, or that a list has something in it."""
    if isinstance(value, tuple | dict):
        return "filled" if value else "empty"
    return value if value is None or isinstance(value, bool | Enum) else "stated"


def _wanted(field: Field[Any], hint: object) -> set[object]:
    """Return everything that a field has to look like in some document."""
    if get_origin(hint) in {Union, UnionType}:
        return {look for part in get_args(hint) for look in _wanted(field, part)}
    if hint is type(None):
        return {None}
    if hint is bool:
        return {False, True}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {*hint}
    if get_origin(hint) in {tuple, dict} or hint is tuple:
        return {"filled"} if field.default is MISSING else {"filled", "empty"}
    return {"stated"}


def _held(value: object) -> Iterator[object]:
    """Yield every record inside a value, itself included."""
    if isinstance(value, tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _held(part)
    elif type(value) in _RECORDS:
        yield value
        for field in fields(value):  # type: ignore[arg-type]
            yield from _held(getattr(value, field.name))


def _drawn(number: int) -> list[Policy]:
    """Return a batch of documents, others for each number."""
    found: list[Policy] = []

    @seed(number)
    @settings(max_examples=_DOCUMENTS_PER_BATCH, phases=[Phase.generate], database=None)
    @given(policies())
    def draw(policy: Policy) -> None:
        found.append(policy)

    draw()
    return found


_Seen = Counter[tuple[str, str, object]]


def _seen(documents: list[Policy]) -> tuple[_Seen, dict[tuple[str, str], set[str]]]:
    """Return in how many documents each field looks how, and the texts that it had."""
    looks: _Seen = Counter()
    texts: dict[tuple[str, str], set[str]] = {}
    for policy in documents:
        own = set()
        for record in _held(policy):
            name = type(record).__name__
            for field in fields(record):  # type: ignore[arg-type]
                value = getattr(record, field.name)
                own.add((name, field.name, _looks(value)))
                texts.setdefault((name, field.name), set()).add(repr(value))
        looks.update(own)
    return looks, texts


def _unsaid(looks: _Seen, texts: dict[tuple[str, str], set[str]]) -> list[str]:
    """Return what documents with these looks and texts leave out."""
    missing = [
        f"{record.__name__}.{field.name} is {look!r} in {looks[key]} documents"
        for record in _RECORDS
        for field, hint in _meaning(record)
        for look in _wanted(field, hint)
        if looks[key := (record.__name__, field.name, look)] < _ENOUGH
    ]
    constant = [
        f"{record.__name__}.{field.name} is always the same"
        for record in _RECORDS
        for field, _ in _meaning(record)
        if len(texts.get((record.__name__, field.name), ())) < 2
        and not (record is Policy and field.name in {*_OF_THE_SCHEME, "in_force_from"})
    ]
    return missing + constant


def test_documents_say_everything() -> None:
    """Every field of the model is drawn with and without a value, and with each of its words."""
    documents: list[Policy] = []
    unsaid = ["nothing is drawn yet"]
    for number in range(_BATCHES_MAX):
        documents += _drawn(number)
        looks, texts = _seen(documents)
        unsaid = _unsaid(looks, texts)
        if not unsaid:
            break

    assert [] == unsaid
    # A dimension by a column is by one code or by a list of them.
    assert len(DIMENSION_KINDS) + 1 == len(texts["Dimension", "kind"])
    split = {
        name for policy in documents for each in policy.counters.values() for name in each.split_by
    }
    assert {*IDENTIFIERS, "hospital", "approved", "group", "age", "date"} <= split


def test_the_oracle_hears_everything() -> None:
    """Each field of the model that an amount may depend on is read by the oracle."""
    read = set()
    for path in [*_TESTS.glob("reference*.py"), _TESTS / "engine" / "slow_ledger.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    unread = {
        f"{record.__name__}.{field.name}"
        for record in _RECORDS
        for field, _ in _meaning(record)
        if field.name not in read | _OF_THE_BOOK | _OF_THE_CHECKER
    }

    assert set() == unread
