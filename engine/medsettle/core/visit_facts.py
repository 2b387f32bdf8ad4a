"""Facts of a visit or person that only some rules ask for."""

from typing import Final

from medsettle import limits
from medsettle.core import columns
from medsettle.core.columns import Column, Kind

VISIT_FACTS: Final[tuple[Column, ...]] = (
    columns.code(
        "encounter",
        "就诊ID: one stay or visit at one institution; its interim settlements share it.",
        "mdtrt_id",
        required=False,
    ),
    columns.code(
        "episode", "Stays that count as one, such as before and after a transfer.", required=False
    ),
    columns.code("institution_kind", "定点医药机构类型.", "fixmedins_type", required=False),
    columns.code("diagnosis", "主要诊断代码.", "dise_codg", required=False),
    columns.code(
        "disease", "病种编码: the chronic or special disease of this visit.", required=False
    ),
    Column(
        "approved_diseases",
        Kind.CODES,
        "已认定的门慢门特病种 of the person.",
        required=False,
        most=limits.APPROVED_DISEASES_MAX,
    ),
    Column("approval_date", Kind.DATE, "待遇认定日期 of disease, drug or device.", required=False),
    columns.code(
        "care_area",
        "就医地: whose catalogue splits the lines; absent, the pooling area's.",
        "mdtrtarea_admvs",
        required=False,
    ),
    columns.code(
        "referral", "How the visit came about, such as referred or emergency.", required=False
    ),
    columns.code("filing", "异地就医备案类型.", required=False),
    Column("filing_date", Kind.DATE, "异地就医备案日期.", required=False),
    columns.count("stay_days", "住院天数.", limits.STAY_DAYS_MAX, "ipt_days"),
    columns.count("sessions", "治疗次数, such as of dialysis.", limits.SESSIONS_MAX),
    columns.count("children", "胎儿数.", limits.CHILDREN_MAX, "fetus_cnt"),
    columns.count("gestation_weeks", "孕周数.", limits.GESTATION_WEEKS_MAX, "geso_val"),
    columns.code("delivery", "生育类别.", "matn_type", required=False),
    columns.count("enrolment_years", "连续参保年限, full years.", limits.ENROLMENT_YEARS_MAX),
    columns.count(
        "claim_free_years", "零报销年限, full years in a row.", limits.ENROLMENT_YEARS_MAX
    ),
    Column("benefit_start_date", Kind.DATE, "待遇享受开始日期.", required=False),
    Column("retirement_date", Kind.DATE, "退休日期.", required=False),
    Column(
        "wage_base_fen",
        Kind.FEN,
        "月缴费基数, fen; no part of the bill.",
        required=False,
        most=limits.CLAIM_TOTAL_FEN_MAX,
    ),
    columns.code(
        "liability",
        "Who else is liable, by the answer given at the till; the policy says which codes.",
        required=False,
    ),
)
"""Facts of a visit or person that only some rules ask for. A settlement does not repeat them: the
ledger keeps the claim."""
