"""The exclusions of an area: read whole, and refused with the place and remedy of every fault."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.errors import PolicyRejected
from medsettle.policy.book import load_rule_book
from medsettle.policy.exclusions import Action, Exclusions, Finds, Span
from medsettle.policy.read_exclusions import read_exclusions_file
from medsettle.policy.registration_kinds import About

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_GOOD = (_SHAPES / "999960" / "exclusions.yaml").read_text(encoding="utf-8")


def _read(folder: Path, text: str) -> tuple[Exclusions | None, list[str]]:
    area = folder / "999960"
    area.mkdir()
    path = area / "exclusions.yaml"
    path.write_text(text, encoding="utf-8")
    exclusions, faults = read_exclusions_file(path)
    return exclusions, [f"{fault.line} {fault.key_path}: {fault.message}" for fault in faults]


def test_exclusions_say_what_is_looked_for() -> None:
    """Every kind of check is there, with its action, its registrations, answers and clause."""
    exclusions = load_rule_book(_SHAPES).exclusions["999960"]
    (version,) = exclusions.versions
    checks = {each.name: each for each in version.checks}

    assert set(Finds) == {each.finds for each in version.checks}
    assert {"999960"} == set(load_rule_book(_SHAPES).exclusions)
    assert About.INSTITUTION is exclusions.kinds["stopped"].about
    assert (Action.WARN, ("third_party_does_not_pay",)) == (
        checks["third-party-advance"].action,
        checks["third-party-advance"].answers,
    )
    assert ("work", None) == (version.answer("4"), version.answer("5"))
    assert (Span.MONTH, 20_000) == (checks["two-insurances"].period, checks["ct-often"].most_e4)
    assert "国务院令第735号 第四十一条" in checks["person-suspended"].clause
    assert [None, version] == [exclusions.on(day) for day in (date(2023, 12, 31), version.start)]


def test_the_same_document_in_chinese_is_the_same(tmp_path: Path) -> None:
    """Every keyword may be written in either language."""
    exclusions, _ = _read(tmp_path, _GOOD)
    chinese = _GOOD
    for english, word in {
        "about: institution": "登记对象: 医疗机构",
        "checks:": "核查项:",
        "- check:": "- 核查:",
        "finds: overlapping_stay": "查出: 住院重叠",
        "finds: double_insurance": "查出: 重复参保",
        "action: refuse": "处理: 拒绝",
        "action: warn": "处理: 提示",
        "institutions: any": "机构范围: 任何机构",
        "transfer_day: allowed": "转院日: 允许",
        "period: month": "周期: 月",
        "insurance_types:": "险种:",
        "visit_types:": "医疗类别:",
        "at_most:": "最高:",
        "held_on: any_day": "有效日: 任一日",
        "remedy: {english:": "处理办法: {英文:",
        ", chinese:": ", 中文:",
    }.items():
        assert english in chinese
        chinese = chinese.replace(english, word)
    other = tmp_path / "chinese"
    other.mkdir()

    read, faults = _read(other, chinese)

    assert [] == faults
    assert exclusions is not None
    assert read is not None
    assert (exclusions.kinds, exclusions.versions) == (read.kinds, read.versions)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("area: 999960", "area: 999961", "lies in the folder '999960'; rename one"),
        ("finds: double_insurance", "finds: twice", "'twice' is no choice here"),
        ("action: warn", "action: tell", "'tell' is no choice here"),
        ("        action: warn\n", "", "'action' .* is missing"),
        ("answers: third_party\n", "answers: nobodies\n", "no answer is called 'nobodies'"),
        ('work: ["3", "4"]', 'work: ["3", "0"]', "'0' gives the answer 'nobody' already"),
        ('nobody: ["0"]', 'nobody: ["no body"]', "'no body' is no code"),
        ("visit_types: [22, 81]", "visit_types: [22, 19]", "no visit type is called '19'"),
        ("        visit_types: [22, 81]\n", "", "'visit_types' .* is missing"),
        ("registration: suspension", "registration: stopped",
         "'stopped' is about the institution, and suspended_person asks for the person"),
        ("registration: stopped", "registration: by_hand",
         "'by_hand' is about the person, and suspended_institution asks for the institution"),
        ("registration: by_hand", "registration: hand", "no kind of registration is called"),
        ("        held_on: any_day\n", "", "'held_on' .* is missing"),
        ("held_on: any_day", "held_on: birth_date", "'birth_date' is no choice here"),
        ("        period: month\n", "", "'period' .* is missing"),
        ("period: month", "period: life", "'life' is no choice here"),
        ("insurance_types: [310, 390]\n        period", "insurance_types: 310\n        period",
         "one insurance type is not double; name two or more"),
        ("        transfer_day: allowed\n", "", "'transfer_day' .* is missing"),
        ("at_most: 2次", "at_most: 2", "has no unit"),
        ("check: work\n", "check: third-party\n", "'third-party' is listed twice; rename one"),
        ("period: month", "period: month\n        at_most: 2次",
         "`at_most` means nothing for double_insurance; delete it"),
        ("{english: Take the line out., chinese: 请删除该明细。}", "{english: Take the line out.}",
         "'chinese' .* is missing"),
        ("chinese: 请删除该明细。", "chinese: " + "长" * (limits.REMEDY_CHARS_MAX + 1),
         "201 characters, more than 200; shorten it"),
        ("source: advance", "source: nowhere", "no source is called 'nowhere'"),
        ("from: 2024-01-01", "from: 2024-13-01", "2024-13-01"),
        ("about: institution", "about: hospital", "'hospital' is no choice here"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Whatever is wrong is one fault or more, and no exclusions come of it."""
    assert old in _GOOD
    exclusions, faults = _read(tmp_path, _GOOD.replace(old, new, 1))

    assert exclusions is None
    assert any(re.search(says, fault) for fault in faults), faults


def test_the_longest_remedy_may_be_stated(tmp_path: Path) -> None:
    """A remedy of the most characters is read."""
    longest = "长" * limits.REMEDY_CHARS_MAX
    exclusions, faults = _read(tmp_path, _GOOD.replace("请删除该明细。", longest))

    assert [] == faults
    assert exclusions is not None
    assert longest in {each.remedy_zh for each in exclusions.versions[0].checks}


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Two slips far apart are two messages, in the order of the document."""
    text = _GOOD.replace("about: institution", "about: hospital")
    _, faults = _read(tmp_path, text.replace("period: month", "period: life"))

    # What follows from a slip is not told with it.
    assert 2 == len(faults)
    assert int(faults[0].split()[0]) < int(faults[1].split()[0])


def test_versions_rise(tmp_path: Path) -> None:
    """A version that does not come after the one before it is refused."""
    start = _GOOD.index("  - from: 2024-01-01")
    _, faults = _read(tmp_path, _GOOD + _GOOD[start:])

    assert ["2024-01-01 does not come after 2024-01-01; order them by date"] == [
        fault.split(": ", 1)[1] for fault in faults
    ]


def test_a_kind_is_declared_in_one_document(tmp_path: Path) -> None:
    """A kind that routing.yaml declares too is a fault of the folder."""
    shutil.copytree(_SHAPES / "999930", tmp_path / "999930")
    text = _GOOD.replace("area: 999960", "area: 999930").replace(" by_hand", " pregnancy")
    (tmp_path / "999930" / "exclusions.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(PolicyRejected, match=r"'pregnancy' is declared in routing\.yaml too"):
        load_rule_book(tmp_path)


def test_kinds_of_both_documents_are_those_of_the_area(tmp_path: Path) -> None:
    """Registrations are known by either document; an area with neither has none."""
    shutil.copytree(_SHAPES / "999930", tmp_path / "999930")
    text = _GOOD.replace("area: 999960", "area: 999930")
    (tmp_path / "999930" / "exclusions.yaml").write_text(text, encoding="utf-8")
    book = load_rule_book(tmp_path)

    kinds = {"recognition", "relapse", "device", "pregnancy", "suspension", "stopped", "by_hand"}
    assert kinds == set(book.registration_kinds("999930"))
    assert {} == book.registration_kinds("999931")
