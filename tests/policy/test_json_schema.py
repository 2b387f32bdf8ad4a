"""The JSON Schema for editors: never against the checker, and against every unknown word."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from medsettle.policy import example_keys, keys, tree
from medsettle.policy.area_schema import area_schema
from medsettle.policy.book import AREA_FILE, EXAMPLES_SUFFIX
from medsettle.policy.card_schema import card_schema
from medsettle.policy.examples_schema import examples_schema
from medsettle.policy.exclusion_schema import exclusions_schema
from medsettle.policy.json_schema import overlay_schema, rule_schema
from medsettle.policy.read_card import CARD_FILE
from medsettle.policy.read_exclusions import EXCLUSIONS_FILE
from medsettle.policy.read_routing import ROUTING_FILE
from medsettle.policy.routing_schema import routing_schema
from medsettle.policy.tree import Map, Sequence, Value
from medsettle.policy.vocabulary import words
from ruamel.yaml import YAML

from tests.policy.documents import AREA_TEXT, GOOD

_ROOT = Path(__file__).parents[2]
_BAD = _ROOT / "fixtures" / "policies" / "bad" / "999900"
_DOCUMENTS = sorted(
    path
    for folder in (_ROOT / "rules", _ROOT / "fixtures" / "policies" / "shapes")
    for path in folder.glob("*/*.yaml")
    if not path.name.endswith(EXAMPLES_SUFFIX)
)
_EXAMPLES = sorted(
    path
    for folder in (_ROOT / "rules", _ROOT / "fixtures" / "policies" / "shapes")
    for path in folder.glob(f"*/*{EXAMPLES_SUFFIX}")
)
_UNKNOWN_WORDS = sorted(
    path.with_name(path.name.replace(".expected.txt", ".yaml"))
    for path in _BAD.glob("*.expected.txt")
    if "unknown word" in path.read_text(encoding="utf-8")
)
_RULES = Draft202012Validator(rule_schema())
_AREAS = Draft202012Validator(area_schema())
_ROUTINGS = Draft202012Validator(routing_schema())
_EXCLUSIONS = Draft202012Validator(exclusions_schema())
_OF_EXAMPLES = Draft202012Validator(examples_schema())
_CARDS = Draft202012Validator(card_schema())


def _as_written(value: Value) -> Any:  # noqa: ANN401 - JSON is any of its kinds
    """Return a tree as the checker sees it: every scalar a text."""
    if isinstance(value, Map):
        return {entry.key.value: _as_written(entry.value) for entry in value}
    if isinstance(value, Sequence):
        return [_as_written(item) for item in value.items]
    return value.value


def _as_edited(value: object) -> Any:  # noqa: ANN401 - JSON is any of its kinds
    """Return a value as an editor sees it: numbers are numbers, dates texts, keys texts."""
    if isinstance(value, dict):
        return {str(key): _as_edited(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_edited(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _faults(text: str, schema: Draft202012Validator) -> list[str]:
    document, _ = tree.parse(text.encode(), "example.yaml")
    edited = _as_edited(YAML(typ="safe", pure=True).load(text))
    return [
        f"{fault.json_path}: {fault.message}"
        for seen in (_as_written(document), edited)
        for fault in schema.iter_errors(seen)
    ]


def test_the_schemas_are_schemas() -> None:
    """All are valid in draft 2020-12 and can be written as JSON."""
    for schema in (
        *(rule_schema(), area_schema(), overlay_schema(), examples_schema()),
        *(routing_schema(), card_schema(), exclusions_schema()),
    ):
        Draft202012Validator.check_schema(schema)
        assert schema == json.loads(json.dumps(schema))


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_document_under_rules_is_valid(path: Path) -> None:
    """What the checker accepts the editor accepts, as text and as YAML reads it."""
    others = {AREA_FILE: _AREAS, ROUTING_FILE: _ROUTINGS, CARD_FILE: _CARDS}
    schema = (others | {EXCLUSIONS_FILE: _EXCLUSIONS}).get(path.name, _RULES)

    assert [] == _faults(path.read_text(encoding="utf-8"), schema)


@pytest.mark.parametrize("path", _EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_file_of_examples_is_valid(path: Path) -> None:
    """What is accepted as an example the editor accepts, as text and as YAML reads it."""
    assert [] == _faults(path.read_text(encoding="utf-8"), _OF_EXAMPLES)


def test_the_example_with_every_question_is_valid() -> None:
    """A document that uses every key of a stage is valid, and so is its area."""
    assert [] == _faults(GOOD, _RULES)
    assert [] == _faults(AREA_TEXT, _AREAS)


def test_there_are_documents_with_unknown_words() -> None:
    """The next test is about at least one slip in each language."""
    assert 2 <= len(_UNKNOWN_WORDS)


@pytest.mark.parametrize("path", _UNKNOWN_WORDS, ids=lambda path: path.stem)
def test_an_unknown_word_is_shown_in_the_editor(path: Path) -> None:
    """A word that the checker does not know is a fault in the editor too."""
    faults = _faults(path.read_text(encoding="utf-8"), _RULES)

    assert any("unexpected" in fault or "not valid" in fault for fault in faults)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("value: 10万元", "value: 10", id="no-unit"),
        pytest.param("value: 85%", "value: 1300元", id="amount-in-a-table-of-rates"),
        pytest.param("rows: {first: 1300元", "rows: {first: 13%", id="rate-in-a-table-of-amounts"),
        pytest.param("payer: large_amount", "payer: nobody", id="payer"),
        pytest.param("rule_date: service_date", "rule_date: today", id="choice"),
        pytest.param("{from: 2024-01-01}", "{from: 2024}", id="date"),
        pytest.param("stage: large", "stage: large.fund", id="name"),
        pytest.param("insurance_type: 310", "insurance_type: 311", id="code"),
        pytest.param("title: 示例\n", "title: 示例\n名称: 示例\n", id="both-languages"),
        pytest.param("rule_date: service_date\n", "", id="missing-key"),
        pytest.param("{own: own, own_factor", "{own: own, pays: kept, own_factor", id="two-sides"),
    ],
)
def test_an_editor_sees_what_one_value_says(old: str, new: str) -> None:
    """Units, choices, codes, names and missing keys are checked while one writes."""
    assert 1 == GOOD.count(old)

    assert [] != _faults(GOOD.replace(old, new), _RULES)


def _described(schema: object) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(schema, dict):
        for word, part in schema.get("properties", {}).items():
            found |= {word: part["description"]} if "description" in part else {}
        for part in schema.values():
            found |= _described(part)
    elif isinstance(schema, list):
        for part in schema:
            found |= _described(part)
    return found


def test_every_key_is_described_in_both_languages() -> None:
    """Each key of each block has a sentence in English and in Chinese, under both its words."""
    described = _described(rule_schema()) | _described(area_schema())
    described |= _described(overlay_schema()) | _described(examples_schema())
    found = {key.name for shape in (*keys.SHAPES, *example_keys.SHAPES) for key in shape}

    assert set() == found - set(described)
    for word in found:
        assert described[word].startswith(f"{word}: ")
        assert words()[word] in described[word]
        assert words()[word] in described
