"""What a document leaves out is told, and is no fault: it loads, and `policy check` says so."""

from pathlib import Path

import pytest
from medsettle.policy.book import compile_file, load_rule_book, read_area_folder
from medsettle.policy.compiled import compile_policy
from medsettle.policy.remarks import remarks

from tests.policy.documents import GOOD, area_of, changed, good

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / "fixtures" / "policies" / "remarks"


def test_what_is_left_out_is_told_in_these_words(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels, codes, sources, counters, pots and days: each with its place and what to do."""
    monkeypatch.chdir(_FOLDER)
    expected = _FOLDER / "expected.txt"

    found = "".join(f"{remark}\n" for remark in remarks(load_rule_book(Path()).policies))

    if request.config.getoption("--accept", default=False):
        expected.write_text(found, encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == found


def test_a_document_alone_says_nothing_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another document may read or pay is asked of a folder only."""
    monkeypatch.chdir(_FOLDER)
    area, _ = read_area_folder(Path("999900"))
    assert area is not None
    compiled, _ = compile_file(Path("999900/counters.yaml"), area)
    assert compiled is not None

    (remark,) = remarks([compiled])

    assert "the cap on payment of 'pooled_fund' is counted in 'others_paid'" in remark.message


def test_documents_that_leave_nothing_out_have_no_remarks() -> None:
    """The levels and sources of an area with all of them are passed over in silence."""
    rules = load_rule_book(_ROOT / "rules")
    whole = [each for each in rules.policies if each.area.code == "440100"]

    assert [] == remarks(whole)


_BANDS = f"""{GOOD[: GOOD.index("dimensions:")]}
tables:
  own:
    unit: rate
    bands: yes
    versions: [{{from: 2024-01-01, source: notice, limits: [3万元, 4万元], value: [10%, 5%]}}]
  part: {{unit: rate, versions: [{{from: 2024-01-01, source: notice, value: 50%}}]}}
stages:
  - stage: pool
    payer: pooled_fund
    source: notice
    base: [in_scope]
    bands: {{along: settlement, apply: marginal}}
    rate: {{own: own}}
    rounding: {{at: stage, side: payer, mode: half_up}}
"""
_AID = """\
  - stage: aid
    payer: assistance
    source: notice
    base: [%s]
    rate: {own: part}
    rounding: {at: stage, side: payer, mode: half_up}
"""
_CARD = "  - {stage: card, payer: account, source: notice, base: [remaining], "
_CARD += "limit: account_balance}\n"


def _alone(text: str) -> list[str]:
    """Return the remarks on one document."""
    area = area_of()
    found = remarks([compile_policy(good(text, area), area, "digest")])
    return [f"{each.key_path}: {each.message}" for each in found]


def test_bands_that_end_where_nobody_pays_are_remarked() -> None:
    """A last band with an end is told where nothing says what becomes of what lies above."""
    remark = (
        "tables.own.versions[0]: above 40,000.00元, where the last band ends, stage 'pool' pays "
        "nothing, and no cap, later stage or gap speaks of pool.over_cap; write `open` as the last "
        "limit if the last value is for all above"
    )

    assert [remark] == _alone(_BANDS + _AID % "pool.own_share")
    # The account pays of anything that is left, and says nothing of the bands.
    assert [remark] == _alone(_BANDS + _AID % "pool.own_share" + _CARD)


def test_bands_that_end_where_the_document_says_why_are_not_remarked() -> None:
    """An open last band, a later stage, what is left for another fund, or a gap says it."""
    gap = "gaps: [{amount: pool.over_cap, says: not read yet}]\n"

    assert [] == _alone(_BANDS.replace("4万元]", "open]") + _AID % "pool.own_share")
    assert [] == _alone(_BANDS + _AID % "pool.over_cap")
    assert [] == _alone(_BANDS + _AID % "remaining")
    assert [] == _alone(_BANDS + _AID % "pool.own_share" + gap)


@pytest.mark.parametrize(
    ("side", "sums", "said"),
    [
        pytest.param(
            "inside",
            "net",
            "inside, and their running total 'scope' counts without it",
            id="inside-net",
        ),
        pytest.param(
            "outside",
            "base",
            "outside, and their running total 'scope' counts it",
            id="outside-base",
        ),
        pytest.param("inside", "base", "", id="inside-base"),
        pytest.param("outside", "net", "", id="outside-net"),
    ],
)
def test_a_running_total_that_leaves_its_bands_is_told(side: str, sums: str, said: str) -> None:
    """Where the deductible lies and what is counted go together; a base goes with inside."""
    text = changed("counter: scope, deductible: inside", f"counter: scope, deductible: {side}")
    text = changed("sums: [pool.deductible, pool.net]", f"sums: [pool.{sums}]", text)
    compiled = compile_policy(good(text), area_of(), "digest")

    found = [remark.message for remark in remarks([compiled]) if "the bands of" in remark.message]

    assert (1 if said else 0) == len(found)
    assert all(said in message for message in found)
