"""Code lists of the national interface that medsettle reads or writes, and the payers.

Source: national medical security information platform, code tables of the settlement interface.
Provinces extend every list, so a list is closed here only where an unknown value would change who
pays; elsewhere the value is passed through and the policy document decides.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

INSURANCE_TYPES: Final[dict[str, str]] = {
    "310": "employee basic medical insurance",
    "320": "civil servant supplement",
    "330": "large-amount supplement",
    "340": "retired cadre",
    "350": "disabled servicemen",
    "360": "old red army",
    "370": "enterprise supplement",
    "380": "new rural cooperative",
    "390": "resident basic medical insurance",
    "391": "urban resident basic medical insurance",
    "392": "resident serious illness",
    "399": "other",
    "410": "work injury insurance",
    "510": "maternity insurance",
}
"""险种类型 insutype."""

VISIT_TYPES: Final[dict[str, str]] = {
    "11": "outpatient",
    "12": "registration",
    "13": "emergency",
    "14": "chronic or special disease",
    "15": "special drugs",
    "21": "inpatient",
    "22": "trauma",
    "23": "transfer out",
    "24": "emergency to inpatient",
    "25": "out of area",
    "26": "single disease",
    "27": "day surgery",
    "28": "day surgery",
    "41": "pharmacy",
    "51": "maternity outpatient",
    "52": "maternity inpatient",
    "53": "family planning",
    "71": "home bed",
    "81": "accident",
    "91": "other",
    "92": "other",
    "93": "other",
    "99": "local",
}
"""医疗类别 med_type."""

ITEM_CLASSES: Final[dict[str, str]] = {
    "01": "class A: wholly in scope",
    "02": "class B: a part is paid by the patient first",
    "03": "class C: wholly own expense",
}
"""收费项目等级 chrgitm_lv."""

APPROVALS: Final[dict[str, str]] = {
    "0": "no approval needed",
    "1": "restricted use approved",
    "2": "restricted use refused: own expense",
}
"""医院审批标志 hosp_appr_flag."""

LIST_TYPES: Final[dict[str, str]] = {
    "101": "drugs",
    "102": "herbs",
    "103": "preparations",
    "201": "services",
    "301": "consumables",
}
"""目录类别 list_type."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody who pays a part of a settlement.

    `fund` is false for personal accounts and the institution, which the national interface lists
    beside the funds without counting them as such.
    """

    name: str
    chinese: str
    field: str
    fund_pay_type: str
    fund: bool


PAYERS: Final[tuple[Payer, ...]] = (
    Payer("pooled_fund", "统筹基金", "hifp_pay", "310100", fund=True),
    Payer("civil_servant", "公务员补助", "cvlserv_pay", "320100", fund=True),
    Payer("enterprise", "企业补充", "hifes_pay", "370100", fund=True),
    Payer("critical_illness", "居民大病保险", "hifmi_pay", "390200", fund=True),
    Payer("large_amount", "职工大额补助", "hifob_pay", "330100", fund=True),
    Payer("disabled_serviceman", "伤残军人补助", "hifdm_pay", "350100", fund=True),
    Payer("assistance", "医疗救助", "maf_pay", "610100", fund=True),
    Payer("other_fund", "其他基金", "oth_pay", "999900", fund=True),
    Payer("institution_share", "医院负担", "hosp_part_amt", "999996", fund=False),
    Payer("account", "个人账户", "acct_pay", "310200", fund=False),
    # Its money is that of personal accounts, and no fund code of its own is known.
    Payer("mutual_aid", "账户共济", "acct_mulaid_pay", "310200", fund=False),
)
"""Everyone but the patient, in the order of the national settlement answer. Cash closes the sum.

The national `acct_pay` includes `acct_mulaid_pay`; here the two are apart, so that shares add up.
"""

NON_LOCAL_PAY_TYPE: Final = "910100"
"""By what the place of care books a fund's share of a settlement that another area decided: other
payment returned by the non-local platform."""

SIDES: Final[tuple[str, ...]] = ("care", "hub")
"""In whose book a settlement stands that another area decided: that of the place of care, or the
copy of a hub."""

PERSONAL_NAMES: Final[tuple[str, ...]] = ("account", "mutual_aid")
"""Payers whose money belongs to persons: with cash they are the person's part."""

PAYER_NAMES: Final[tuple[str, ...]] = tuple(payer.name for payer in PAYERS)
FUND_NAMES: Final[tuple[str, ...]] = tuple(payer.name for payer in PAYERS if payer.fund)
OTHER_NAMES: Final[tuple[str, ...]] = tuple(
    name for name in PAYER_NAMES if name not in {*FUND_NAMES, *PERSONAL_NAMES}
)
"""Payers that are neither a fund nor a person: funds, these, accounts and cash make the bill."""

CASH_FIELD: Final = "psn_cash_pay"


class Payee(StrEnum):
    """Who is paid what is paid beside the bill."""

    PERSON = "person"
    EMPLOYER = "employer"
    INSTITUTION = "institution"
    ACCOUNT = "account"


class Debtor(StrEnum):
    """Who owes back what a fund pays in advance (先行支付)."""

    THIRD_PARTY = "third_party"
    EMPLOYER = "employer"


BILL: Final = "bill"
"""Where the share of a stage of the bill goes; payouts go to a `Payee`."""


@dataclass(frozen=True, slots=True)
class Pot:
    """A named part of the bill that the lines fall into before any payer is asked."""

    name: str
    chinese: str
    field: str


POTS: Final[tuple[Pot, ...]] = (
    Pot("own_expense", "全自费", "fulamt_ownpay_amt"),
    Pot("over_limit", "超限价自费", "overlmt_selfpay"),
    Pot("pre_self_pay", "先行自付", "preselfpay_amt"),
    Pot("in_scope", "符合政策范围", "inscp_scp_amt"),
)
"""The four sums of the national interface; they add up to the total (identity A).

A catalogue may declare special pots (lines with a ratio of their own). Their amounts are part of
the settlement's in-scope sum, and kept apart only inside the waterfall.
"""

POT_NAMES: Final[tuple[str, ...]] = tuple(pot.name for pot in POTS)
OUTSIDE_SCOPE: Final[tuple[str, ...]] = POT_NAMES[:-1]
"""The pots that are no part of the scope."""
