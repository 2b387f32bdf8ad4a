"""The columns of claims, lines and settlements: one list from which everything else follows.

The Arrow schemas, the validation of requests, the mapping from rows, the national aliases (kept as
Arrow field metadata) and `engine/schema.md` are all made from the tuples in this file.
"""

from typing import Final

import pyarrow as pa

from medsettle import limits
from medsettle.core import codes, columns, visit_facts
from medsettle.core.columns import Column, Kind

VISIT_FACTS: Final = visit_facts.VISIT_FACTS

CREDENTIAL: Final[tuple[Column, ...]] = (
    columns.code(
        "credential_type",
        "就诊凭证类型; the area says which it accepts and what each presents.",
        "mdtrt_cert_type",
        required=False,
    ),
    columns.code(
        "card",
        "卡识别码: opaque token of the card presented, never its number.",
        "card_sn",
        required=False,
        most=limits.PERSON_CHARS_MAX,
    ),
    Column(
        "credential_time",
        Kind.TIMESTAMP,
        "When the credential was presented; absent, the end of the service date.",
        required=False,
    ),
)
"""What the person identified themselves with. A settlement repeats it."""

OFFLINE_TIME: Final = Column(
    "offline_time",
    Kind.TIMESTAMP,
    "When the claim was sealed at a till that could not reach the engine; absent where it could.",
    required=False,
)

CLAIM: Final[tuple[Column, ...]] = (
    columns.code(
        "request_id",
        "Made and stored by the institution before sending; the key of idempotency.",
        "msgid",
        most=limits.REQUEST_ID_CHARS_MAX,
    ),
    columns.code(
        "institution", "定点医药机构: the designated hospital or pharmacy.", "fixmedins_code"
    ),
    columns.code(
        "institution_settlement",
        "The institution's own settlement number; unique per institution where given.",
        "medins_setl_id",
        required=False,
    ),
    columns.code("pooling_area", "统筹区: six digits of the insured area.", "insuplc_admdvs"),
    columns.code(
        "person",
        "参保人: opaque token of the insured person, never a card or identity number.",
        "psn_no",
        most=limits.PERSON_CHARS_MAX,
    ),
    columns.code("insurance_type", "险种类型.", "insutype", values=tuple(codes.INSURANCE_TYPES)),
    columns.code("visit_type", "医疗类别.", "med_type", values=tuple(codes.VISIT_TYPES)),
    columns.code("person_type", "人员类别, such as 1101 employee or 1201 retired.", "psn_type"),
    columns.code("institution_level", "医院等级, dictionary hosp_lv.", "hosp_lv"),
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
    *CREDENTIAL,
    OFFLINE_TIME,
)

CLAIM_COLUMNS_LATER: Final = frozenset({OFFLINE_TIME.name})
"""Columns that a released medsettle did not have: they are recorded where they are stated only."""

LINE: Final[tuple[Column, ...]] = (
    columns.code("line_id", "Unique within the claim.", "feedetl_sn"),
    columns.code("item_code", "National catalogue code.", "med_list_codg"),
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
    columns.code(
        "approval",
        "医院审批标志 for restricted items; absent means 0.",
        "hosp_appr_flag",
        required=False,
        values=tuple(codes.APPROVALS),
    ),
    columns.code(
        "original_line",
        "The line of this claim that a negative line takes back.",
        "init_feedetl_sn",
        required=False,
    ),
    columns.code(
        "earmark",
        "Marks a line that another fund pays, such as work injury; the area lists the marks.",
        required=False,
    ),
    columns.code(
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
    and column not in (*CREDENTIAL, OFFLINE_TIME)
)


def _version(name: str, doc: str) -> Column:
    most = limits.LIST_VERSION_MAX
    return Column(name, Kind.INTEGER, doc, required=False, least=1, most=most)


LIST_VERSIONS: Final[tuple[Column, ...]] = (
    _version("national_list_version", "Version of the nation's invalid list that was asked."),
    _version("provincial_list_version", "Version of the province's invalid list that was asked."),
    _version("city_list_version", "Version of the city's invalid list that was asked."),
)
"""Which invalid lists a card was looked up in; absent where there was no card or no list."""

SETTLEMENT: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Position in the ledger of this engine, without gaps.", least=1),
    columns.code("settlement", "结算ID.", "setl_id"),
    columns.code(
        "kind",
        "settle, cancel, or adjust: what is added to the amounts of its original.",
        "refd_setl_flag",
        values=("settle", "cancel", "adjust"),
    ),
    columns.code(
        "original",
        "The settlement that a cancel takes back or an adjustment adds to.",
        "init_setl_id",
        required=False,
    ),
    columns.code(
        "reversed_request",
        "冲正: request id of what a reversal takes back; a cancel that is none has none.",
        "omsgid",
        most=limits.REQUEST_ID_CHARS_MAX,
        required=False,
    ),
    Column("create_time", Kind.TIMESTAMP, "When it was recorded, not when care was given."),
    *_FACTS,
    columns.code("visit", "The visit whose linked settlements this is one of.", required=False),
    columns.code("policy", "Identifier of the rule document."),
    columns.code("policy_digest", "SHA-256 of the compiled policy's sources, first 12 hex digits."),
    columns.code("catalogue_digest", "SHA-256 of the catalogue, first 12 hex digits."),
    columns.fen("total_fen", "医疗费总额.", "medfee_sumamt"),
    *(columns.fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
    columns.fen("deductible_fen", "实际支付起付线, met by this claim.", "act_pay_dedc"),
    *(columns.fen(f"{payer.name}_fen", f"{payer.chinese}.", payer.field) for payer in codes.PAYERS),
    columns.fen("fund_total_fen", "基金支付总额.", "fund_pay_sumamt"),
    columns.fen(
        "person_total_fen", "个人负担总金额: account, mutual aid and cash.", "psn_part_amt"
    ),
    columns.fen(
        "cash_fen", "个人现金支出: the remainder, never computed by a rate.", codes.CASH_FIELD
    ),
    columns.fen(
        "account_balance_fen", "Balance of the personal account after this settlement.", "balc"
    ),
    columns.fen(
        "payouts_fen",
        "What funds pay beside the bill, to whomever, and not as a part of it: lumps, allowances, "
        "package prices.",
    ),
    *CREDENTIAL,
    *LIST_VERSIONS,
    columns.code(
        "care_area",
        "就医地: whose catalogue split the lines; absent, the pooling area's.",
        "mdtrtarea_admvs",
        required=False,
    ),
    columns.code(
        "side",
        "Absent in the book of the place of insurance, which decides; `care` in that of the place "
        "of care, `hub` in the copy of a hub.",
        required=False,
        values=codes.SIDES,
    ),
)

REPEATED: Final = tuple(
    column.name for column in SETTLEMENT if column.name in {stated.name for stated in CLAIM}
)
"""The columns that a settlement repeats of its claim."""

PAYER_DETAIL: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Ledger position of the settlement.", least=1),
    columns.code("settlement", "结算ID.", "setl_id"),
    Column("position", Kind.INTEGER, "Order of the stage in the waterfall, from 0."),
    columns.code("stage", "Identifier of the stage in the rule document."),
    columns.code("payer", "Who pays."),
    columns.code("fund_pay_type", "National fund code.", "fund_pay_type"),
    columns.fen("base_fen", "Amount the stage looked at.", "inscp_scp_amt"),
    columns.fen("kept_back_fen", "Part of the base kept back before anything else."),
    columns.fen("deductible_fen", "Deductible met here."),
    columns.fen(
        "own_share_fen",
        "Share left to later payers inside the bands and cap; where a cap was solved back, it is "
        "rounded for itself, and the row need not add up by 0.01 yuan.",
    ),
    columns.fen("over_cap_fen", "Part of the base above the cap or the last band."),
    columns.fen("paid_fen", "Amount paid.", "fund_payamt"),
    columns.code(
        "payee",
        "`bill` for a share of the bill; else who is paid beside it.",
        values=(codes.BILL, *codes.Payee),
    ),
    columns.fen(
        "replaced_fen",
        "Shares of the bill in whose place the payee is paid: the payer owes the difference.",
    ),
    columns.code(
        "debtor",
        "先行支付: who owes the payer back what it paid in advance; absent where it paid its own.",
        required=False,
        values=tuple(codes.Debtor),
    ),
    columns.code(
        "care_fund_pay_type",
        "基金支付类型 by which the place of care books what comes from another area; absent where "
        "nothing does.",
        required=False,
    ),
)

RELATIVE_SHARE: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Ledger position of the settlement.", least=1),
    columns.code("settlement", "结算ID.", "setl_id"),
    Column("position", Kind.INTEGER, "Order of the shares, from 0: by stage, then as bound."),
    columns.code("stage", "Identifier of the stage in the rule document."),
    columns.code("giver_area", "统筹区 of the relative whose money pays."),
    columns.code("giver", "授权人: the relative whose money pays.", most=limits.PERSON_CHARS_MAX),
    Column("relation", Kind.INTEGER, "Number of the relation, in the receiver's order.", least=1),
    columns.fen("paid_fen", "Amount taken of the limit; negative where a cancel gives it back."),
    columns.code(
        "booked_on",
        "Where it was taken from or went back to: the limit, or, where the relation was dissolved "
        "before a cancel, the giver's account.",
        values=("limit", "account"),
    ),
    columns.fen("limit_left_fen", "What the limit holds after this."),
)

LINE_SPLIT: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Ledger position of the settlement.", least=1),
    columns.code("settlement", "结算ID.", "setl_id"),
    columns.code("line_id", "Line of the claim.", "feedetl_sn"),
    columns.code("item_code", "National catalogue code.", "med_list_codg"),
    columns.code("item_class", "收费项目等级.", "chrgitm_lv", values=tuple(codes.ITEM_CLASSES)),
    columns.code("pot", "Where the in-scope part went."),
    columns.code("route", "Why a visit's line is settled in this scheme.", required=False),
    columns.fen("amount_fen", "明细项目费用总额.", "det_item_fee_sumamt"),
    *(columns.fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
)

# An id in every row would be most of these tables; `settlements` has it for each seq.
_SEQ: Final = Column("seq", Kind.INTEGER, "Ledger position of the settlement.", least=1)

CLAIM_FACTS: Final[tuple[Column, ...]] = (
    _SEQ,
    *(column for column in CLAIM if column.name not in {each.name for each in SETTLEMENT}),
)
"""What a claim says that its settlement does not repeat."""

CLAIM_LINE: Final[tuple[Column, ...]] = (
    _SEQ,
    LINE[0],
    *(column for column in LINE if column.name not in {each.name for each in LINE_SPLIT}),
)
"""What a line of a claim says that its split does not repeat, in the order of the splits."""

SCOPE: Final[tuple[Column, ...]] = (
    _SEQ,
    columns.code(
        "catalogue_digest",
        "The catalogue by which the place of care split the lines, as it told it.",
        most=limits.CATALOGUE_DIGEST_CHARS_MAX,
    ),
    Column(
        "charge_types",
        Kind.CODES,
        "收费类别 of each line by that catalogue, empty for an item that it does not list.",
        most=limits.LINES_PER_CLAIM_MAX,
    ),
)

MOVE: Final[tuple[Column, ...]] = (
    Column("seq", Kind.INTEGER, "Ledger position of the entry.", least=1),
    columns.code(
        "kind",
        "Kind of the entry: an opening, a change of what relatives set aside, an adjustment.",
        values=("opening", "relation", "adjust"),
    ),
    columns.code("person", "参保人 whose counter it is.", most=limits.PERSON_CHARS_MAX),
    columns.code(
        "counter",
        "Name under which the ledger keeps the counter.",
        most=limits.COUNTER_NAME_CHARS_MAX,
    ),
    Column("period", Kind.INTEGER, "Its period: a year, a month, or 0 for what goes on."),
    Column(
        "delta",
        Kind.INTEGER,
        "The change of its value, fen for amounts.",
        least=-limits.AMOUNT_FEN_MAX,
    ),
)
"""Changes of counters by entries that neither settle nor take back; the settlements' own follow
from their policies, and what takes one back moves the opposite."""

TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "claims": CLAIM,
    "lines": LINE,
    "settlements": SETTLEMENT,
    "payers": PAYER_DETAIL,
    "line_splits": LINE_SPLIT,
    "relative_shares": RELATIVE_SHARE,
    "claim_facts": CLAIM_FACTS,
    "claim_lines": CLAIM_LINE,
    "scopes": SCOPE,
    "moves": MOVE,
}


def arrow_schema(table: tuple[Column, ...]) -> pa.Schema:
    """Return the Arrow schema of a table of this file."""
    return pa.schema([column.arrow_field() for column in table])


def claim_schema() -> pa.Schema:
    """Return the schema of a batch of claims: one row a claim, its lines as a list of structs."""
    line = pa.struct(list(arrow_schema(LINE)))
    return arrow_schema(CLAIM).append(pa.field("lines", pa.list_(line), nullable=False))
