"""The page of the rule language: its tutorial works as written, its table is today's."""

import re
from pathlib import Path

import generate_shapes
import pytest
from medsettle.policy.book import load_rule_book
from medsettle.policy.examples import read_examples
from medsettle.policy.shapes import UNSAID, rule_shapes
from medsettle.settle.prove import prove
from medsettle.settle.run import Settler

_ROOT = Path(__file__).parents[1]
_PAGE = (_ROOT / "rules" / "README.md").read_text(encoding="utf-8")
_BLOCKS = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", _PAGE, re.DOTALL))


def test_there_are_as_many_shapes_as_the_survey_found() -> None:
    """129 rows of the survey and eight of account credits, each once."""
    names = [shape.name for shape in rule_shapes()]

    assert (137, 8) == (len(set(names)), sum(name.startswith("A") for name in names))
    assert len(names) == len(set(names))


def test_every_shape_has_an_example() -> None:
    """A shape that no example proves is one the language may not have."""
    assert {shape.name for shape in rule_shapes()} == set(generate_shapes.proofs(_ROOT))


def test_a_shape_that_is_proved_says_by_what() -> None:
    """No example proves a shape whose construct is not named."""
    unsaid = {shape.name for shape in rule_shapes() if shape.construct == UNSAID}

    assert set() == unsaid & set(generate_shapes.proofs(_ROOT))


def test_the_table_is_that_of_today_s_examples() -> None:
    """`make shapes` would write the page as it is."""
    assert generate_shapes.page(_ROOT) == _PAGE


@pytest.fixture(name="rules")
def _rules(tmp_path: Path) -> Path:
    """Return the folder that somebody has who copies the tutorial."""
    folder = tmp_path / "999903"
    folder.mkdir()
    for name, text in _BLOCKS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_tutorial_s_documents_are_accepted_and_come_out(rules: Path) -> None:
    """The files of the tutorial load, and each of its examples comes out to the fen."""
    settler = Settler(load_rule_book(rules))
    examples, violations = read_examples(rules / "999903" / "resident-inpatient.examples.yaml")

    assert [] == violations
    assert ["two-stays", "above-the-cap"] == [example.name for example in examples]
    for example in examples:
        assert [] == [str(difference) for difference in prove(settler, example)]
