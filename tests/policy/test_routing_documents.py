"""The routing of an area: read whole, and refused with the place and remedy of every fault."""

import re
from pathlib import Path

import pytest
from medsettle.policy.book import load_rule_book
from medsettle.policy.read_routing import read_routing_file
from medsettle.policy.routing import Outside, Routing, SharedTo, Unconfirmed

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_GOOD = (_SHAPES / "999930" / "routing.yaml").read_text(encoding="utf-8")


def _read(folder: Path, text: str) -> tuple[Routing | None, list[str]]:
    area = folder / "999930"
    area.mkdir()
    path = area / "routing.yaml"
    path.write_text(text, encoding="utf-8")
    routing, faults = read_routing_file(path, {"employer"})
    return routing, [f"{fault.line} {fault.key_path}: {fault.message}" for fault in faults]


def test_a_routing_says_who_takes_which_lines() -> None:
    """Schemes in order with their registrations, marks and clauses; the last takes the rest."""
    routing = load_rule_book(_SHAPES).routings["999930"]
    (version,) = routing.versions
    injury, maternity, basic = version.schemes

    assert ("work_injury", "410", ("recognition", "relapse")) == (
        injury.name,
        injury.insurance_type,
        injury.needs,
    )
    assert injury.lines.registered
    assert (Outside.STAYS, Unconfirmed.REFUSED) == (
        injury.outside,
        injury.confirmations[0].otherwise,
    )
    assert injury.window is not None
    assert ("event_date", "accepted_date", "late", "employer") == (
        injury.window.start,
        injury.window.end,
        injury.window.timeliness,
        injury.window.earmark,
    )
    assert ({"21": "52"}, ("O",)) == (maternity.visit_types, maternity.lines.diagnoses)
    assert (None, True) == (basic.insurance_type, basic.lines.rest)
    assert version.shared is not None
    assert SharedTo.MAIN_DIAGNOSIS == version.shared.goes_to
    assert "recognition" == routing.kinds["relapse"].continues
    assert None is routing.on(version.start.replace(year=2019))


def test_the_same_document_in_chinese_is_the_same_routing(tmp_path: Path) -> None:
    """Every keyword may be written in either language."""
    routing, _ = _read(tmp_path, _GOOD)
    chinese = _GOOD
    for english, word in {
        "registrations:": "登记种类:",
        "schemes:": "险种顺序:",
        "- scheme:": "- 险种部分:",
        "needs:": "须有登记:",
        "outside_catalogue: stays": "目录外: 留在本险种",
        "lines: rest": "明细: 其余全部",
        "diagnoses: registered": "诊断代码: 以登记为准",
        "goes_to: main_diagnosis": "归入: 主要诊断",
        "when: late": "条件: 逾期",
    }.items():
        assert english in chinese
        chinese = chinese.replace(english, word)
    other = tmp_path / "chinese"
    other.mkdir()

    read, faults = _read(other, chinese)

    assert [] == faults
    assert routing is not None
    assert read is not None
    assert (routing.kinds, routing.versions) == (read.kinds, read.versions)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("area: 999930", "area: 999931", "lies in the folder '999930'; rename one"),
        ("needs: [pregnancy]", "needs: [pregnant]", "no kind of registration is called 'pregnant'"),
        ("        outside_catalogue: stays\n        source: maternity", "        source: maternity",
         "'outside_catalogue' .* is missing; it has no default"),
        ("lines: rest", "lines: {items: [A]}", "the last scheme, and no other, takes the rest"),
        ("goes_to: main_diagnosis", "goes_to: nobody", "'nobody' is no choice here"),
        ("earmark: employer", "earmark: boss", "no earmark of the area is called 'boss'"),
        ("insurance_type: 510", "insurance_type: 511", "no insurance type is called '511'"),
        ("{21: 52}", "{21: 5200}", "no visit type is called '5200'"),
        ("continues: recognition", "continues: relapse", "'relapse' continues itself"),
        ("lines: {diagnoses: registered}", "lines: {}", "no line is named here"),
        ("needs: [recognition, relapse]\n        ", "", "no registration is asked for here"),
        ("scheme: maternity", "scheme: work_injury", "'work_injury' is listed twice"),
        ("from: 2020-01-01", "from: 2020-13-01", "2020-13-01"),
        ("source: invented", "source: nowhere", "no source is called 'nowhere'"),
        ('["20"]', '["two zero"]', "'two zero' is no code"),
        ("lines: rest", "needs: [pregnancy]\n        lines: rest", "turns nothing away; delete"),
        ("from: event_date", "from: birth_date", "'birth_date' is no choice here"),
        ("      goes_to: main_diagnosis\n", "", "'goes_to' .* is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Whatever is wrong is one fault or more, and no routing comes of it."""
    assert old in _GOOD
    routing, faults = _read(tmp_path, _GOOD.replace(old, new, 1))

    assert routing is None
    assert any(re.search(says, fault) for fault in faults), faults


def test_versions_rise(tmp_path: Path) -> None:
    """A version that does not come after the one before it is refused."""
    start = _GOOD.index("  - from: 2020-01-01")
    _, faults = _read(tmp_path, _GOOD + _GOOD[start:])

    assert ["2020-01-01 does not come after 2020-01-01; order them by date"] == [
        fault.split(": ", 1)[1] for fault in faults
    ]
