"""The columns of claims, lines and settlements: one list from which everything else follows.

The Arrow schemas, the validation of requests, the mapping from rows, the national aliases (kept as
Arrow field metadata) and `engine/schema.md` are all made from the tuples in this file.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa

from medsettle import limits
from medsettle.core import codes


class Kind(StrEnum):
    """How a column is written: as a code, a date, an amount of fen, and so on."""

    CODE = "code"
    CODES = "codes"
    DATE = "date"
    FEN = "fen"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


_ARROW: Final[dict[Kind, pa.DataType]] = {
    Kind.CODE: pa.string(),
    Kind.CODES: pa.list_(pa.string()),
    Kind.DATE: pa.date32(),
    Kind.FEN: pa.int64(),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, kind, bounds, national alias and meaning.

    `least` and `most` bound numbers inclusively and the length of codes; `values` closes a code
    list; `required` says whether a claim without it is refused.
    """

    name: str
    kind: Kind
    doc: str
    alias: str = ""
    required: bool = True
    least: int = 0
    most: int = limits.AMOUNT_FEN_MAX
    values: tuple[str, ...] = ()

    def arrow_field(self) -> pa.Field:
        """Return the Arrow field, the national alias in its metadata."""
        metadata = {"doc": self.doc}
        if self.alias:
            metadata["alias"] = self.alias
        return pa.field(self.name, _ARROW[self.kind], not self.required, metadata)


def _code(name: str, doc: str, alias: str = "", **options: object) -> Column:
    chars: int = limits.CODE_CHARS_MAX
    return Column(name, Kind.CODE, doc, alias, **{"least": 1, "most": chars, **options})  # type: ignore[arg-type]


def _fen(name: str, doc: str, alias: str = "") -> Column:
    bound = limits.AMOUNT_FEN_MAX
    return Column(name, Kind.FEN, doc, alias, least=-bound, most=bound)


def _count(name: str, doc: str, most: int, alias: str = "") -> Column:
    return Column(name, Kind.INTEGER, doc, alias, required=False, most=most)


VISIT_FACTS: Final[tuple[Column, ...]] = (
    _code(
        "encounter",
        "就诊ID: one stay or visit at one institution; its interim settlements share it.",
        "mdtrt_id",
        required=False,
    ),
    _code(
        "episode", "Stays that count as one, such as before and after a transfer.", required=False
    ),
    _code("institution_kind", "定点医药机构类型.", "fixmedins_type", required=False),
    _code("diagnosis", "主要诊断代码.", "dise_codg", required=False),
    _code("disease", "病种编码: the chronic or special disease of this visit.", required=False),
    Column(
        "approved_diseases",
        Kind.CODES,
        "已认定的门慢门特病种 of the person.",
        required=False,
        most=limits.APPROVED_DISEASES_MAX,
    ),
    Column("approval_date", Kind.DATE, "待遇认定日期 of disease, drug or device.", required=False),
    _code(
        "care_area",
        "就医地: whose catalogue splits the lines; absent, the pooling area's.",
        "mdtrtarea_admvs",
        required=False,
    ),
    _code("referral", "How the visit came about, such as referred or emergency.", required=False),
    _code("filing", "异地就医备案类型.", required=False),
    Column("filing_date", Kind.DATE, "异地就医备案日期.", required=False),
    _count("stay_days", "住院天数.", limits.STAY_DAYS_MAX, "ipt_days"),
    _count("sessions", "治疗次数, such as of dialysis.", limits.SESSIONS_MAX),
    _count("children", "胎儿数.", limits.CHILDREN_MAX, "fetus_cnt"),
    _count("gestation_weeks", "孕周数.", limits.GESTATION_WEEKS_MAX, "geso_val"),
    _code("delivery", "生育类别.", "matn_type", required=False),
    _count("enrolment_years", "连续参保年限, full years.", limits.ENROLMENT_YEARS_MAX),
    _count("claim_free_years", "零报销年限, full years in a row.", limits.ENROLMENT_YEARS_MAX),
    Column("benefit_start_date", Kind.DATE, "待遇享受开始日期.", required=False),
    Column("retirement_date", Kind.DATE, "退休日期.", required=False),
    Column(
        "wage_base_fen",
        Kind.FEN,
        "月缴费基数, fen; no part of the bill.",
        required=False,
        most=limits.CLAIM_TOTAL_FEN_MAX,
    ),
    _code(
        "liability",
        "Who else is liable, by the answer given at the till; the policy says which codes.",
        required=False,
    ),
)
"""Facts of a visit or person that only some rules ask for. A settlement does not repeat them: the
ledger keeps the claim."""

CLAIM: Final[tuple[Column, ...]] = (
    _code(
        "request_id",
        "Made and stored by the institution before sending; the key of idempotency.",
        "msgid",
        most=limits.REQUEST_ID_CHARS_MAX,
    ),
    _code("institution", "定点医药机构: the designated hospital or pharmacy.", "fixmedins_code"),
    _code(
        "institution_settlement",
        "The institution's own settlement number; unique per institution where given.",
        "medins_setl_id",
        required=False,
    ),
    _code("pooling_area", "统筹区: six digits of the insured area.", "insuplc_admdvs"),
    _code(
        "person",
        "参保人: opaque token of the insured person, never a card or identity number.",
        "psn_no",
        most=limits.PERSON_CHARS_MAX,
    ),
    _code("insurance_type", "险种类型.", "insutype", values=tuple(codes.INSURANCE_TYPES)),
    _code("visit_type", "医疗类别.", "med_type", values=tuple(codes.VISIT_TYPES)),
    _code("person_type", "人员类别, such as 1101 employee or 1201 retired.", "psn_type"),
    _code("institution_level", "医院等级, dictionary hosp_lv.", "hosp_lv"),
    Column("birth_date", Kind.DATE, "出生日期; decides age bands.", "brdy"),
    Column("admission_date", Kind.DATE, "入院日期, or the day of an outpatient visit.", "begntime"),
    Column("service_date", Kind.DATE, "结算所属日期: discharge or visit day.", "setl_time"),
    Column(
        "benefit_groups",
        Kind.CODES,
        "人员身份: entitlements of the person beyond the person type.",
        "psn_idet_type",
        required=False,
        most=limits.BENEFIT_GROUPS_MAX,
    ),
    Column(
        "account_used",
        Kind.BOOLEAN,
        "个人账户使用标志: whether the personal account may pay.",
        "acct_used_flag",
    ),
    *VISIT_FACTS,
)

LINE: Final[tuple[Column, ...]] = (
    _code("line_id", "Unique within the claim.", "feedetl_sn"),
    _code("item_code", "National catalogue code.", "med_list_codg"),
    Column("fee_date", Kind.DATE, "费用发生日期; decides the catalogue version.", "fee_ocur_time"),
    Column(
        "quantity_e4",
        Kind.INTEGER,
        "数量, 1/10,000 of a unit, not 0; negative where it takes back a part of another line.",
        "cnt",
        least=-limits.QUANTITY_E4_MAX,
        most=limits.QUANTITY_E4_MAX,
    ),
    Column(
        "unit_price_e6",
        Kind.INTEGER,
        "单价, micro-yuan.",
        "pric",
        most=limits.UNIT_PRICE_E6_MAX,
    ),
    Column(
        "amount_fen",
        Kind.FEN,
        "明细项目费用总额, fen; authoritative over price times quantity.",
        "det_item_fee_sumamt",
        least=-limits.LINE_AMOUNT_FEN_MAX,
        most=limits.LINE_AMOUNT_FEN_MAX,
    ),
    _code(
        "approval",
        "医院审批标志 for restricted items; absent means 0.",
        "hosp_appr_flag",
        required=False,
        values=tuple(codes.APPROVALS),
    ),
    _code(
        "original_line",
        "The line of this claim that a negative line takes back.",
        "init_feedetl_sn",
        required=False,
    ),
    _code(
        "earmark",
        "Marks a line that another fund pays, such as work injury; the area lists the marks.",
        required=False,
    ),
    _code(
        "diagnosis",
        "诊断代码 that the line is for; absent, the visit's own. It decides the scheme of a line.",
        required=False,
    ),
)

CLAIM_AMOUNTS: Final[tuple[str, ...]] = tuple(
    column.name.removesuffix("_fen") for column in VISIT_FACTS if column.kind is Kind.FEN
)
"""Amounts that a claim states beside its bill, by the names that rule documents give them."""

_FACTS = tuple(
    column
    for column in CLAIM
    if column.name not in {"birth_date", "benefit_groups", "account_used"}
    and column not in VISIT_FACTS
)

SETTLEMENT: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Position in the ledger of this engine, without gaps.", least=1),
    _code("settlement", "结算ID.", "setl_id"),
    _code("kind", "settle or cancel.", "refd_setl_flag", values=("settle", "cancel")),
    _code("original", "The settlement a cancel takes back.", "init_setl_id", required=False),
    Column("create_time", Kind.TIMESTAMP, "When it was recorded, not when care was given."),
    *_FACTS,
    _code("visit", "The visit whose linked settlements this is one of.", required=False),
    _code("policy", "Identifier of the rule document."),
    _code("policy_digest", "SHA-256 of the compiled policy's sources, first 12 hex digits."),
    _code("catalogue_digest", "SHA-256 of the catalogue, first 12 hex digits."),
    _fen("total_fen", "医疗费总额.", "medfee_sumamt"),
    *(_fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
    _fen("deductible_fen", "实际支付起付线, met by this claim.", "act_pay_dedc"),
    *(_fen(f"{payer.name}_fen", f"{payer.chinese}.", payer.field) for payer in codes.PAYERS),
    _fen("fund_total_fen", "基金支付总额.", "fund_pay_sumamt"),
    _fen("person_total_fen", "个人负担总金额: account and cash.", "psn_part_amt"),
    _fen("cash_fen", "个人现金支出: the remainder, never computed by a rate.", codes.CASH_FIELD),
    _fen("account_balance_fen", "Balance of the personal account after this settlement.", "balc"),
    _fen(
        "payouts_fen",
        "What funds pay beside the bill, to whomever, and not as a part of it: lumps, allowances, "
        "package prices.",
    ),
)

PAYER_DETAIL: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Ledger position of the settlement.", least=1),
    _code("settlement", "结算ID.", "setl_id"),
    Column("position", Kind.INTEGER, "Order of the stage in the waterfall, from 0."),
    _code("stage", "Identifier of the stage in the rule document."),
    _code("payer", "Who pays."),
    _code("fund_pay_type", "National fund code.", "fund_pay_type"),
    _fen("base_fen", "Amount the stage looked at.", "inscp_scp_amt"),
    _fen("kept_back_fen", "Part of the base kept back before anything else."),
    _fen("deductible_fen", "Deductible met here."),
    _fen(
        "own_share_fen",
        "Share left to later payers inside the bands and cap; where a cap was solved back, it is "
        "rounded for itself, and the row need not add up by 0.01 yuan.",
    ),
    _fen("over_cap_fen", "Part of the base above the cap or the last band."),
    _fen("paid_fen", "Amount paid.", "fund_payamt"),
    _code(
        "payee",
        "`bill` for a share of the bill; else who is paid beside it.",
        values=(codes.BILL, *codes.Payee),
    ),
    _fen(
        "replaced_fen",
        "Shares of the bill in whose place the payee is paid: the payer owes the difference.",
    ),
    _code(
        "debtor",
        "先行支付: who owes the payer back what it paid in advance; absent where it paid its own.",
        required=False,
        values=tuple(codes.Debtor),
    ),
)

LINE_SPLIT: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Ledger position of the settlement.", least=1),
    _code("settlement", "结算ID.", "setl_id"),
    _code("line_id", "Line of the claim.", "feedetl_sn"),
    _code("item_code", "National catalogue code.", "med_list_codg"),
    _code("item_class", "收费项目等级.", "chrgitm_lv", values=tuple(codes.ITEM_CLASSES)),
    _code("pot", "Where the in-scope part went."),
    _code("route", "Why a visit's line is settled in this scheme.", required=False),
    _fen("amount_fen", "明细项目费用总额.", "det_item_fee_sumamt"),
    *(_fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
)

_MOST_DIAGNOSES = limits.REGISTRATION_CODES_MAX

REGISTRATION: Final[tuple[Column, ...]] = (
    _code("kind", "Which kind, by the name that a document of the area gives it."),
    _code("number", "Of the decision; unique within person and kind."),
    Column("valid_from", Kind.DATE, "The first day on which it holds."),
    Column("valid_until", Kind.DATE, "The first day on which it no longer holds.", required=False),
    Column(
        "diagnoses",
        Kind.CODES,
        "Diagnoses that it is for; a code is one for all codes that begin so.",
        required=False,
        most=_MOST_DIAGNOSES,
    ),
    Column(
        "items",
        Kind.CODES,
        "Catalogue codes that it confirms, such as devices.",
        required=False,
        most=_MOST_DIAGNOSES,
    ),
    Column(
        "benefit_groups",
        Kind.CODES,
        "Entitlements that its settlements have beyond the person's own.",
        required=False,
        most=limits.BENEFIT_GROUPS_MAX,
    ),
    _code("injured_part", "受伤部位.", required=False),
    Column(
        "event_date",
        Kind.DATE,
        "Day of the accident, the diagnosis, or conception.",
        required=False,
    ),
    Column("accepted_date", Kind.DATE, "Day the application was accepted.", required=False),
    _code(
        "timeliness",
        "Whether the application came in time.",
        required=False,
        values=("timely", "late"),
    ),
    _code("continues", "Number of the registration it goes on from.", required=False),
    _code(
        "institution",
        "The institution whose care or bill it concerns; absent, it is any.",
        required=False,
    ),
)
"""What an authority decided about a person or an institution (认定、登记、备案、暂停、手工报销)."""

TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "claims": CLAIM,
    "lines": LINE,
    "settlements": SETTLEMENT,
    "payers": PAYER_DETAIL,
    "line_splits": LINE_SPLIT,
}


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Return the Arrow schema of a table of this file."""
    return pa.schema([column.arrow_field() for column in columns])


def claim_schema() -> pa.Schema:
    """Return the schema of a batch of claims: one row a claim, its lines as a list of structs."""
    line = pa.struct(list(arrow_schema(LINE)))
    return arrow_schema(CLAIM).append(pa.field("lines", pa.list_(line), nullable=False))
