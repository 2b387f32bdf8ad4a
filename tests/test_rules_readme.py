"""The page of the rule language: its tutorial works as written, its table is today's."""

import re
from pathlib import Path

import generate_shapes
import pytest
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book
from medsettle.policy.confidence import CONFIDENCE_MEANINGS
from medsettle.policy.example_names import name_faults
from medsettle.policy.examples import read_examples
from medsettle.policy.keys import RESERVED_NAMES
from medsettle.policy.model import STAGE_AMOUNTS
from medsettle.policy.remarks import remarks
from medsettle.policy.shapes import UNSAID, rule_shapes
from medsettle.policy.vocabulary import canonical, in_chinese
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


def test_the_front_page_counts_what_is_there() -> None:
    """`make shapes` would write the numbers of policies, areas and examples as they stand there."""
    page = (_ROOT / "README.md").read_text(encoding="utf-8")

    assert generate_shapes.front(_ROOT) == page
    assert re.search(r"holds \d+ policies of \d+ pooling areas with \d+ worked examples", page)


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
    book = load_rule_book(rules)
    found = []
    for path in sorted((rules / "999903").glob(f"*{EXAMPLES_SUFFIX}")):
        examples, violations = read_examples(path)
        assert [] == [*violations, *name_faults(examples, book.policies)]
        found += examples

    assert ["跨段", "退休人员在中医医院", "超过封顶线", "two-stays", "above-the-cap"] == [
        example.name for example in found
    ]
    for example in found:
        assert [] == [str(difference) for difference in prove(Settler(book), example)]


def test_the_tutorial_s_documents_are_not_remarked_on(rules: Path) -> None:
    """What a reader copies looks like no slip."""
    assert [] == [str(remark) for remark in remarks(load_rule_book(rules).policies)]


def test_the_page_s_chinese_is_that_of_its_english_policy() -> None:
    """Word by word the Chinese table and stage are those of the tutorial's second policy."""
    names = {"个人负担比例": "own_share", "起付标准": "deductible", "退休系数": "retired_factor"}
    names |= {"平均工资": "average_wage", "倍数": "times_the_wage", "统筹已付": "pool_paid"}
    names |= {"统筹": "pool", "通知": "notice"}
    _, text = _PAGE.split("<!-- chinese: begin -->\n```yaml\n")
    chinese = re.findall(r"[^\s\[\]{},:-]+", text[: text.index("```")])
    english = [names.get(word, canonical(word)) for word in chinese]
    stated = re.findall(r"[^\s\[\]{},:-]+", _BLOCKS["employee-inpatient.yaml"])
    own = stated.index("own_share")
    stage = stated.index("stages")

    assert english == ["tables", *stated[own : stated.index("retired_factor")], *stated[stage:]]


def test_the_page_names_every_amount() -> None:
    """Each amount that a stage may name stands on the page, with its Chinese word."""
    rows = [line for line in _PAGE.splitlines() if line.startswith("| `")]
    for name in (*RESERVED_NAMES, *(f"pool.{part}" for part in STAGE_AMOUNTS)):
        chinese = in_chinese(name).replace("pool.", "统筹.")
        (row,) = [row for row in rows if f"`{name}`" in row.split("|")[1]]
        assert chinese in row.split("|")[2], name


def test_the_page_says_what_every_label_means() -> None:
    """The legend of confidence is that of the editors."""
    for label, (meaning, _) in CONFIDENCE_MEANINGS.items():
        chinese = in_chinese(label) if in_chinese(label) != label else ""
        assert re.search(rf"^\| `{label}` \| *{chinese} *\| {re.escape(meaning)} \|$", _PAGE, re.M)
