"""What a book of settlements is, whoever keeps it and in whatever file.

A *book* is one table of `BOOK` columns, one row a record: a settlement, the cancel or reversal of
one, an adjustment, or an audit deduction. Amounts of what takes something back are negative, so the
rows of a settlement add up to what stands. A column that a book does not keep is absent from it; a
value that it does not know is null. Neither is ever compared.

Source of the sides, the keys and what is compared: trans-regional procedure 医保发〔2022〕22号 as
described in `clearing.md` §2, and the fields of 3202 and 3260.
"""

from enum import StrEnum
from typing import Final

from medsettle import limits
from medsettle.core import codes, columns
from medsettle.core.columns import Column, Kind


class Side(StrEnum):
    """Whose book it is. The place of insurance decides, so it comes first where two disagree."""

    INSURED = "insured"
    """参保地: decides who pays; its settlement date is the period."""
    CARE = "care"
    """就医地: whose hospitals are paid."""
    NATIONAL = "national"
    """国家: passes on and keeps copies."""


class RecordKind(StrEnum):
    """What a row of a book is."""

    SETTLE = "settle"
    CANCEL = "cancel"
    """A cancel (撤销) or a reversal (冲正): the negative of its `original`."""
    ADJUST = "adjust"
    """A correction of its `original` that was agreed upon later: what is added to it."""
    DEDUCTION = "deduction"
    """审核扣款: what the review of the place of care takes off its `original`; negative."""


_FACTS: Final = (
    columns.code("institution", "定点医药机构.", "fixmedins_code"),
    columns.code("request_id", "Message id of the institution.", "msgid", required=False),
    columns.code("institution_settlement", "医药机构结算ID.", "medins_setl_id", required=False),
    columns.code("encounter", "就诊ID.", "mdtrt_id", required=False),
    columns.code("person", "参保人: opaque token.", "psn_no", most=limits.PERSON_CHARS_MAX),
    columns.code(
        "card",
        "卡识别码: opaque token.",
        "card_sn",
        required=False,
        most=limits.PERSON_CHARS_MAX,
    ),
    columns.code("credential_type", "就诊凭证类型.", "mdtrt_cert_type", required=False),
    columns.code("pooling_area", "参保地统筹区.", "insuplc_admdvs"),
    columns.code("care_area", "就医地.", "mdtrtarea_admvs"),
    columns.code("insurance_type", "险种类型.", "insutype"),
    columns.code("visit_type", "医疗类别.", "med_type", required=False),
    columns.code("clearing_class", "清算类别.", "clr_type"),
    Column("service_date", Kind.DATE, "结算所属日期.", required=False),
)

AMOUNTS: Final[tuple[Column, ...]] = (
    columns.fen("total_fen", "医疗费总额.", "medfee_sumamt"),
    *(columns.fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
    columns.fen("deductible_fen", "实际支付起付线.", "act_pay_dedc"),
    columns.fen("fund_total_fen", "基金支付总额.", "fund_pay_sumamt"),
    columns.fen("person_total_fen", "个人负担总金额.", "psn_part_amt"),
    columns.fen("cash_fen", "个人现金支出.", codes.CASH_FIELD),
)
"""Amounts that are equal in two books, or a settlement differs (class 5)."""

SHARES: Final[tuple[Column, ...]] = tuple(
    columns.fen(f"{payer.name}_fen", f"{payer.chinese}.", payer.field) for payer in codes.PAYERS
)
"""What each payer pays of the total: with equal amounts, a difference here is one of class 6."""

VERSIONS: Final[tuple[Column, ...]] = (
    columns.code("policy", "Rule document of the place of insurance.", required=False),
    columns.code("policy_digest", "Its version.", required=False),
    columns.code("catalogue_digest", "Version of the catalogue of care.", required=False),
)

BOOK: Final[tuple[Column, ...]] = (
    columns.code("settlement", "结算ID of this record; a cancel has one of its own.", "setl_id"),
    columns.code("kind", "What the record is.", "refd_setl_flag", values=tuple(RecordKind)),
    columns.code("original", "The settlement that the record belongs to.", required=False),
    Column("record_time", Kind.TIMESTAMP, "When this book recorded it.", required=False),
    Column("record_date", Kind.DATE, "Its day in China Standard Time: the period of clearing."),
    *_FACTS,
    *AMOUNTS,
    *SHARES,
    *VERSIONS,
)
"""The columns of a book."""

BESIDE: Final[tuple[Column, ...]] = (
    Column("admission_date", Kind.DATE, "入院日期: when a stay began.", required=False),
)
"""What a file may say beside a book: it is no column of one, and is never compared."""

OWN: Final[frozenset[str]] = frozenset({"record_time"})
"""What is each book's own, since each records at its own moment. It is never compared."""

NATURAL_KEYS: Final[tuple[tuple[str, ...], ...]] = (
    ("settlement",),
    ("institution", "request_id", "kind"),
    ("institution", "institution_settlement", "kind"),
    ("institution", "encounter", "person", "kind"),
)
"""By what rows of two books are the same record: the first by which both can be told."""

SAME_SERVICE: Final[tuple[str, ...]] = ("person", "service_date", "total_fen", "kind")
"""By what two rows of one book look like one service that was paid at two places. It never matches
rows of two books; what shares it with an odd row is looked at beside it."""
