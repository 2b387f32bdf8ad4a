"""Rule books: every document of a folder, its conflicts, and digests of its bytes."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from medsettle.errors import PolicyNotFound, PolicyRejected
from medsettle.policy.book import (
    EXAMPLES_SUFFIX,
    compile_file,
    load_rule_book,
    policy_files,
    read_area_folder,
)

from tests.policy.documents import AREA_TEXT, GOOD, changed

_RULES = Path(__file__).parents[2] / "rules"
_CATALOGUE = (
    "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
    "pre_self_pay_310_percent,ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,"
    "over_limit_as,pot,restricted\n"
    "BED,床位,201,01,1998-01-01,,01,0,,,,,,no\n"
)
_OTHER = changed("policy: example", "policy: other")
_AREA_PATH = Path("999900") / "area.yaml"


def _book(folder: Path, *documents: str, area: str = AREA_TEXT) -> Path:
    """Write a folder of rules with one area and these documents."""
    inside = folder / "999900"
    inside.mkdir()
    (inside / "area.yaml").write_text(area, encoding="utf-8")
    (inside / "catalogue.csv").write_text(_CATALOGUE, encoding="utf-8")
    for number, document in enumerate(documents):
        (inside / f"{number}.yaml").write_text(document, encoding="utf-8")
    return folder


def _messages(folder: Path) -> list[str]:
    with pytest.raises(PolicyRejected) as caught:
        load_rule_book(folder)
    return [violation.message for violation in caught.value.violations]


def test_the_example_areas_load() -> None:
    """Every area, catalogue and document under rules/ is in the book, found by what it decides."""
    book = load_rule_book(_RULES)
    documents = [path for folder in _RULES.iterdir() for path in policy_files(folder)]

    assert {path.parent.name for path in documents} == set(book.areas) == set(book.catalogues)
    assert len(documents) == len(book.policies)
    for compiled in book.policies:
        policy = compiled.policy
        assert book.policy(policy.name) is compiled
        assert compiled in book.candidates(
            policy.pooling_area, policy.insurance_type, policy.visit_types[0]
        )


def test_versions_of_a_policy_follow_one_another(tmp_path: Path) -> None:
    """A policy may begin on the day another ends; a day earlier both would decide."""
    ended = changed("{from: 2024-01-01}", "{from: 2024-01-01, until: 2024-09-01}")
    later = changed("{from: 2024-01-01}", "{from: 2024-09-01}", _OTHER)
    early = changed("{from: 2024-01-01}", "{from: 2024-08-31}", _OTHER)

    book = load_rule_book(_book(tmp_path, later, ended))

    assert ["example", "other"] == [
        compiled.policy.name for compiled in book.candidates("999900", "310", "22")
    ]
    (tmp_path / "999900" / "0.yaml").write_text(early, encoding="utf-8")
    [message] = _messages(tmp_path)
    assert message.startswith("visit types 21, 22 from 2024-08-31 until 2024-09-01: ")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("visit_types: [21, 22]", "visit_types: [23]", [], id="other-visits"),
        pytest.param("insurance_type: 310", "insurance_type: 390", [], id="other-scheme"),
        pytest.param("visit_types: [21, 22]", "visit_types: [22]", ["visit type 22"], id="shared"),
    ],
)
def test_two_policies_never_decide_one_claim(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    """Policies of one scheme share no visit type at one time; other schemes are free to."""
    area = f"{AREA_TEXT}pre_self_pay_as: {{390: 310}}\n"
    folder = _book(tmp_path, GOOD, changed(old, new, _OTHER), area=area)

    found = _messages(folder) if expected else []

    assert expected == [message.split(" from")[0] for message in found]
    assert expected or 2 == len(load_rule_book(folder).policies)


def test_a_shared_counter_means_one_thing(tmp_path: Path) -> None:
    """Two policies of one scheme that share a counter agree on its period and on what it holds."""
    other = changed("visit_types: [21, 22]", "visit_types: [23]", _OTHER)
    folder = _book(tmp_path, GOOD, other)

    assert 2 == len(load_rule_book(folder).policies)

    monthly = changed("paid: {period: benefit_year", "paid: {period: month", other)
    (folder / "999900" / "1.yaml").write_text(monthly, encoding="utf-8")
    [message] = _messages(folder)
    assert message.startswith("counter 'paid' counts per month here and per benefit_year in ")

    counting = changed("sums: [pool.paid]", "counts: settlements", other)
    counting = counting.replace("per: paid", "per: scope")
    (folder / "999900" / "1.yaml").write_text(counting, encoding="utf-8")
    [message] = _messages(folder)
    assert message.startswith("counter 'paid' holds settlements here and amounts in ")


def test_one_byte_changes_the_digest(tmp_path: Path) -> None:
    """The digest is of the bytes of document and area: a blank in either gives another."""
    folder = _book(tmp_path, GOOD)
    path, area_path = folder / "999900" / "0.yaml", folder / _AREA_PATH

    first = load_rule_book(folder).policies[0].digest
    path.write_text(f"{GOOD}\n", encoding="utf-8")
    second = load_rule_book(folder).policies[0].digest
    area_path.write_text(f"{AREA_TEXT}\n", encoding="utf-8")
    third = load_rule_book(folder).policies[0].digest

    assert 3 == len({first, second, third})
    by_hand = sha256(sha256(area_path.read_bytes()).digest() + path.read_bytes()).hexdigest()
    assert by_hand[:12] == third


def test_documents_without_an_area_are_refused(tmp_path: Path) -> None:
    """A folder with documents and no area.yaml is refused, and never passed over."""
    folder = _book(tmp_path, GOOD)
    (folder / _AREA_PATH).unlink()

    assert ["the file is missing; a policy lies beside the area.yaml of its area, so add it"] == (
        _messages(folder)
    )
    area, violations = read_area_folder(folder / "999900")
    assert area is None
    assert [str(folder / _AREA_PATH)] == [violation.file for violation in violations]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without any area is not an empty rule book but a mistake."""
    (tmp_path / "notes").mkdir()

    assert ["no area here; add a folder such as 110000 with its area.yaml"] == _messages(tmp_path)


def test_no_document_is_passed_over(tmp_path: Path) -> None:
    """A document with another ending, or outside its area's folder, is refused."""
    folder = _book(tmp_path, GOOD)
    (folder / "stray.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "999900" / "stray.yml").write_text(GOOD, encoding="utf-8")
    (folder / "999900" / "old").mkdir()
    (folder / "999900" / "old" / "stray.yaml").write_text(GOOD, encoding="utf-8")

    assert {
        "documents lie in the folder of their area; move the file",
        "documents end in .yaml; rename the file",
    } == set(_messages(folder))
    assert 3 == len(_messages(folder))


def test_faults_of_all_documents_come_together(tmp_path: Path) -> None:
    """One run shows the faults of every document, and of the catalogue."""
    bad = changed("value: 24万元", "value: 24", _OTHER)
    folder = _book(tmp_path, changed("insurance_type: 310", "insurance_type: 3"), bad)
    (folder / "999900" / "catalogue.csv").write_text("", encoding="utf-8")

    assert 3 == len(_messages(folder))


def test_a_catalogue_serves_every_policy(tmp_path: Path) -> None:
    """A policy whose scheme has no ratios in the catalogue is refused, unless it borrows some."""
    residents = changed("insurance_type: 310", "insurance_type: 390")
    folder = _book(tmp_path, residents)
    borrowing = f"{AREA_TEXT}pre_self_pay_as: {{390: 310}}\n"

    [message] = _messages(folder)
    assert message.startswith("the catalogue has first-self-pay ratios for 310 and none for 390;")
    (folder / _AREA_PATH).write_text(borrowing, encoding="utf-8")
    assert 1 == len(load_rule_book(folder).policies)


def test_a_missing_catalogue_is_a_fault_of_the_area(tmp_path: Path) -> None:
    """An area that names a file which is not there is refused where it names it."""
    folder = _book(tmp_path, GOOD)
    (folder / "999900" / "catalogue.csv").unlink()

    [message] = _messages(folder)

    assert "there is no file 'catalogue.csv' beside this one; add the catalogue" == message


def test_examples_are_no_policies(tmp_path: Path) -> None:
    """Worked examples and the area itself are not read as rule documents."""
    folder = _book(tmp_path, GOOD) / "999900"
    (folder / f"0{EXAMPLES_SUFFIX}").write_text("examples: []", encoding="utf-8")

    assert ["0.yaml"] == [path.name for path in policy_files(folder)]


def test_an_unknown_policy_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    """Asking for a policy that is not loaded names those that are."""
    book = load_rule_book(_book(tmp_path, GOOD, changed("[21, 22]", "[11]", _OTHER)))

    with pytest.raises(
        PolicyNotFound, match=r"no policy is called 'x'; known here: example, other"
    ):
        book.policy("x")


def test_a_document_compiles_beside_its_area(tmp_path: Path) -> None:
    """One document is compiled alone, without the catalogue of its area."""
    folder = _book(tmp_path, GOOD) / "999900"
    (folder / "catalogue.csv").unlink()
    area, faults = read_area_folder(folder)
    assert area is not None and not faults

    compiled, violations = compile_file(folder / "0.yaml", area)

    assert compiled is not None and not violations
    shutil.rmtree(folder)
    assert "example" == compiled.policy.name


def test_an_area_takes_the_place_of_the_same_area(tmp_path: Path) -> None:
    """Its policies, catalogue and other documents go together, and other areas stay as they are."""
    book = load_rule_book(_RULES, only=["110000", "330100"])
    folder = tmp_path / "330100"
    shutil.copytree(_RULES / "330100", folder)
    (folder / "employee-pharmacy.yaml").unlink()
    one = load_rule_book(tmp_path)
    both = book.with_areas_of(one)

    assert set(book.areas) == set(both.areas)
    assert both.catalogues["330100"] is one.catalogues["330100"]
    assert both.catalogues["110000"] is book.catalogues["110000"]
    assert both.cards["110000"] is book.cards["110000"]
    names = {each.policy.name for each in book.policies}
    assert names - {each.policy.name for each in both.policies} == {"hangzhou-employee-pharmacy"}
    assert len(book.policies) - 1 == len(both.policies)
