"""Reforms as overlays: what they change, from when, and what of them is refused."""

from datetime import date
from pathlib import Path

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.errors import PolicyRejected
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.run import Settled, Settler

from tests.engine.engines import REAL_RULES
from tests.service.claims import claim, line

REFORM = Path(__file__).parents[2] / "fixtures" / "policies" / "overlays" / "outpatient-2027.yaml"
_HEAD = """\
format: 1
overlay: reform
changes: beijing-employee-outpatient
from: 2027-01-01
title: 调整
"""


def _visit(book: RuleBook, day: str, yuan: int, **changes: object) -> Settlement:
    """Return an outpatient visit of an active employee, the first one of the year."""
    lines = [line(yuan * 100, item_code="009902000001000990200000100") | {"fee_date": day}]
    row = claim(1, visit_type="11", institution_level="01", pooling_area="110000", lines=lines)
    row |= {"service_date": day, "admission_date": day, "account_used": False, **changes}
    result = Settler(book).run(ClaimBatch.from_rows([row]), [0], lambda _: {}, refuse_gaps=True)[0]
    assert isinstance(result, Settled), result
    return result.settlement


def _faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "reform.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyRejected) as caught:
        load_rule_book(REAL_RULES, overlays=[path])
    assert {str(path)} >= {
        each.file for each in caught.value.violations if "110000" not in each.file
    }
    return [violation.message for violation in caught.value.violations]


def test_a_reform_begins_on_its_day() -> None:
    """The day before, the policy decides; from the day on the reformed one, with its values."""
    plain, book = load_rule_book(REAL_RULES), load_rule_book(REAL_RULES, overlays=[REFORM])

    before, after = _visit(book, "2026-12-31", 5_000), _visit(book, "2027-01-01", 5_000)

    # (5,000 - 1,800) x 70 %, and (5,000 - 1,500) x 70 %.
    assert (180_000, 224_000) == (before.columns["deductible_fen"], _paid(before))
    assert (150_000, 245_000) == (after.columns["deductible_fen"], _paid(after))
    assert "beijing-employee-outpatient" == before.columns["policy"]
    assert "beijing-employee-outpatient-reform-2027" == after.columns["policy"]
    assert _paid(before) == _paid(_visit(plain, "2027-01-01", 5_000))
    assert before.columns["policy_digest"] != after.columns["policy_digest"]


def _paid(settlement: Settlement) -> int:
    return int(str(settlement.columns["large_amount_fen"]))


def test_a_reform_adds_a_cap_and_takes_a_stage_away() -> None:
    """The new cap of 30,000 yuan stops the fund; the stage that fell away pays nobody any more."""
    book = load_rule_book(REAL_RULES, overlays=[REFORM])
    groups = {"benefit_groups": ["employer_supplement"]}

    dear = _visit(book, "2027-05-01", 100_000)
    before = _visit(book, "2026-05-01", 1_000, **groups)
    after = _visit(book, "2027-05-01", 1_000, **groups)

    assert 3_000_000 == _paid(dear)
    # Within the deductible the employer paid up to 450 yuan.
    assert (45_000, 0) == (before.columns["enterprise_fen"], after.columns["enterprise_fen"])


def test_reforms_follow_one_another(tmp_path: Path) -> None:
    """A second reform changes what the first one made, from its own day on."""
    second = tmp_path / "second.yaml"
    second.write_text(
        _HEAD.replace("overlay: reform", "overlay: again").replace("2027", "2028")
        + "set:\n  tables:\n    yearly_cap:\n      versions:\n"
        "        - {from: 2028-01-01, source: reform, value: 4万元}\n",
        encoding="utf-8",
    )
    book = load_rule_book(REAL_RULES, overlays=[second, REFORM])

    paid = [_paid(_visit(book, f"{year}-06-01", 100_000)) for year in (2026, 2027, 2028)]

    # 20,000 x 70 % + (98,200 - 20,000) x 60 % without a cap.
    assert [6_092_000, 3_000_000, 4_000_000] == paid


def test_a_reform_of_versions_keeps_those_before_and_after(tmp_path: Path) -> None:
    """A version of the same day is changed, another is put in its place in time."""
    path = tmp_path / "reform.yaml"
    path.write_text(
        _HEAD + "set:\n  表:\n    deductible:\n      versions:\n"
        "        - {from: 2027-01-01, source: outpatient, rows: {active: 1元, retired: 1元}}\n"
        "        - {from: 2023-01-01, note: 调整}\n",
        encoding="utf-8",
    )
    book = load_rule_book(REAL_RULES, overlays=[path])

    versions = (
        book.policy("beijing-employee-outpatient-reform").policy.tables["deductible"].versions
    )

    assert ["2023-01-01", "2027-01-01"] == [str(version.start) for version in versions]
    assert ["调整", ""] == [version.note for version in versions]
    assert [180_000, 130_000] == [int(cell) for cell in versions[0].cells]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            _HEAD.replace("employee-outpatient", "employee-outpatients") + "without: [gaps]\n",
            "no policy is called 'beijing-employee-outpatients'; did you mean "
            "'beijing-employee-outpatient'?",
            id="unknown-policy",
        ),
        pytest.param(
            _HEAD + "set:\n  tables:\n    deductibel:\n      versions:\n"
            "        - {from: 2027-01-01, source: outpatient, rows: {active: 1元, retired: 1元}}\n",
            "no table is called 'deductibel'; did you mean 'deductible'? (a new one says its "
            "`unit`)",
            id="unknown-table",
        ),
        pytest.param(
            _HEAD + "without: [stages.large_amount.cap]\n",
            "there is no 'stages.large_amount.cap' in the policy; name what falls away by its "
            "keys, stages and payouts by their names, like `stages.pool.caps`",
            id="unknown-path",
        ),
        pytest.param(
            _HEAD + "set:\n  stages:\n    - {stage: new, payer: assistance, source: order, "
            "base: [remaining]}\n",
            "this stage is new; say with `after` which one it follows, or `after: first`",
            id="new-stage-nowhere",
        ),
        pytest.param(
            _HEAD + "set:\n  stages:\n    - {stage: new, payer: assistance, source: account, "
            "base: [remaining], after: large_amout}\n",
            "no stage is called 'large_amout' to come after; did you mean 'large_amount'?",
            id="new-stage-after-none",
        ),
        pytest.param(
            _HEAD + "set:\n  stages:\n    - {payer: assistance}\n",
            "which one changes? write its `stage`",
            id="which-stage",
        ),
        pytest.param(
            _HEAD + "set: {policy: other}\n",
            "an overlay does not change 'policy'; delete it",
            id="reserved",
        ),
        pytest.param(
            _HEAD,
            "nothing changes; write what does under `set` or `without`",
            id="nothing",
        ),
        pytest.param(
            _HEAD + "set: everything\n",
            "a text or a list stands here; write the blocks that change",
            id="no-blocks",
        ),
        pytest.param(
            _HEAD.replace("2027", "2022") + "without: [stages.account]\n",
            "the policy ends on 2022-01-01, not after it begins on 2023-01-01; correct one",
            id="before-the-policy",
        ),
        pytest.param(
            _HEAD + "set:\n  tables:\n    deductible:\n      versions:\n"
            "        - {from: 2027-01-01, source: outpatient, "
            "rows: {active: 1500, retired: 1元}}\n",
            "'1500' has no unit; write 1500元 if yuan are meant",
            id="checked-like-any-document",
        ),
    ],
)
def test_faults_of_a_reform_are_told_where_they_stand(
    tmp_path: Path, text: str, expected: str
) -> None:
    """Each fault of an overlay, and each fault it makes in its policy, is refused with a remedy."""
    assert expected in _faults(tmp_path, text)


def test_what_was_published_later_is_not_known_on_a_day(tmp_path: Path) -> None:
    """As known on a day, values published later are left out, whatever day they are good from.

    Here the deductible falls to 1,000 yuan from 1 March, by a notice of 22 December.
    """
    path = tmp_path / "reform.yaml"
    path.write_text(
        _HEAD.replace("2027-01-01", "2026-01-01") + "set:\n  tables:\n    deductible:\n"
        "      versions:\n        - from: 2026-03-01\n          issued: 2026-12-22\n"
        "          source: outpatient\n          rows: {active: 1000元, retired: 1000元}\n",
        encoding="utf-8",
    )

    def deductible(known_on: date | None, day: str) -> object:
        book = load_rule_book(REAL_RULES, overlays=[path], known_on=known_on)
        return _visit(book, day, 5_000).columns["deductible_fen"]

    assert 180_000 == deductible(date(2026, 12, 21), "2026-05-01")
    assert 100_000 == deductible(date(2026, 12, 22), "2026-05-01")
    assert 100_000 == deductible(None, "2026-03-01")
    assert 180_000 == deductible(None, "2026-02-28")
