"""What looks like a slip and may be meant: told in these words, and only where it is so."""

from medsettle.policy.area import Area
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.remarks import area_remarks, counter_remarks, policy_remarks

from tests.policy.documents import AREA_TEXT, GOOD, area_of, changed, good

_HEAD = GOOD[: GOOD.index("dimensions:")]
_BANDS = """\
tables:
  own:
    unit: rate
    bands: yes
    versions: [{from: 2024-01-01, source: notice, limits: [3万元, 4万元], value: [10%, 5%]}]
stages:
  - stage: pool
    payer: pooled_fund
    source: notice
    base: [in_scope]
    bands: {along: settlement, apply: marginal}
    rate: {own: own}
    rounding: {at: stage, side: payer, mode: half_up}
"""
_LATER = "  - {stage: aid, payer: assistance, source: notice, base: [%s], rate: {own: part}, "
_LATER += "rounding: {at: stage, side: payer, mode: half_up}}\n"
_PART = "  part: {unit: rate, versions: [{from: 2024-01-01, source: notice, value: 50%}]}\nstages:"
_ACCOUNT = "  - {stage: card, payer: account, source: notice, base: [remaining], "
_ACCOUNT += "limit: account_balance}\n"


def _compiled(text: str, area: Area | None = None) -> CompiledPolicy:
    area = area or area_of()
    return compile_policy(good(text, area), area, "digest")


def _of_policy(text: str, area: Area | None = None) -> list[str]:
    found = policy_remarks(_compiled(text, area))
    return [f"{each.key_path}: {each.message}" for each in found]


def test_bands_that_end_where_nobody_pays_are_remarked() -> None:
    """A last band with an end is told where nothing says what becomes of what lies above."""
    remark = (
        "tables.own.versions[0]: above 40,000.00元, where the last band ends, stage 'pool' pays "
        "nothing, and no cap, later stage or gap speaks of pool.over_cap; write `open` as the last "
        "limit if the last value is for all above"
    )

    assert [remark] == _of_policy(_HEAD + _BANDS)
    # The account pays of anything that is left, and says nothing of the bands.
    assert [remark] == _of_policy(_HEAD + _BANDS + _ACCOUNT)


def test_bands_that_end_where_the_document_says_why_are_not_remarked() -> None:
    """An open last band, a later stage, what is left for another fund, or a gap says it."""
    later = _BANDS.replace("stages:", _PART)
    gap = "gaps: [{amount: pool.over_cap, says: not read yet}]\n"

    assert [] == _of_policy(_HEAD + _BANDS.replace("4万元]", "open]"))
    assert [] == _of_policy(_HEAD + later + _LATER % "pool.over_cap")
    assert [] == _of_policy(_HEAD + later + _LATER % "remaining")
    assert [] == _of_policy(_HEAD + _BANDS + gap)
    assert [] == _of_policy(GOOD)


def test_hospitals_without_a_class_are_remarked() -> None:
    """Levels of an area that no class of a dimension has are told with their codes."""
    area = area_of(AREA_TEXT + '  level: {column: institution_level, codes: {all: ["07", "01"]}}\n')
    text = changed('above: ["01", "04"]', 'above: ["01"]')
    told = "a claim from such a hospital is refused; add them to a class unless that is meant"

    assert [
        f"institution_levels: codes 04 of level_2 have no class in dimension 'level': {told}"
    ] == [f"{each.key_path}: {each.message}" for each in area_remarks(area)]
    assert [f"policy: codes 04 of level_2 have no class in dimension 'hospital': {told}"] == (
        _of_policy(text)
    )


def test_a_counter_that_nothing_reads_is_remarked() -> None:
    """A counter no document of its scheme reads is told with the one that was probably meant."""
    text = changed(
        "  paid: {period: benefit_year, sums: [pool.paid]}\n",
        "  paid: {period: benefit_year, sums: [pool.paid]}\n"
        "  payd: {period: benefit_year, sums: [pool.paid]}\n",
    )
    reader = text.replace("policy: example", "policy: other").replace("per: paid", "per: payd")

    assert [
        "counters.payd: counter 'payd' is read by nothing, so it decides nothing; did you mean "
        "'paid'?"
    ] == [f"{each.key_path}: {each.message}" for each in counter_remarks([_compiled(text)])]
    assert [] == list(counter_remarks([_compiled(text), _compiled(reader)]))
    assert [] == list(counter_remarks([_compiled(GOOD)]))
