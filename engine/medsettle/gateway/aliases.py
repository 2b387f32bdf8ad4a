"""Names and codes that drift between provinces and versions: the one table, read at the edge only.

Definitions and handlers know the names on the right-hand side alone. Source: field models and
messages of public clients of the interface, compared field by field.
"""

from collections.abc import Mapping
from typing import Any, Final

from medsettle.core import codes

NAMES: Final[dict[str, str]] = {
    # The region of treatment is spelt "admvs" in the envelope, and by most people otherwise.
    "mdtrtarea_admdvs": "mdtrtarea_admvs",
    "insuplc_admvs": "insuplc_admdvs",
    "pdn_cash_pay": "psn_cash_pay",
    "psnCash_pay": "psn_cash_pay",
    "psn_part_amt_": "psn_part_amt",
    "inscp_amt": "inscp_scp_amt",
    "inscp_scp_amt_": "inscp_scp_amt",
    "overlmt_selfpay_amt": "overlmt_selfpay",
    "prese_ifpay_amt": "preselfpay_amt",
    "med_fee_sumamt": "medfee_sumamt",
    "cert_no": "certno",
    "REFD_SETL_FLAG": "refd_setl_flag",
    "dscgTime": "dscg_time",
    "fulamt_ownpayamt": "fulamt_ownpay_amt",
    "acctUsedFlag": "acct_used_flag",
    "mdtrt_cert_no_": "mdtrt_cert_no",
}
"""Spelling -> the name of the interface."""

_VALUES: Final[dict[str, dict[str, str]]] = {
    "clr_way": {"1": "01", "2": "02", "3": "03", "9": "09"},
    "psn_setlway": {"1": "01", "2": "02"},
    "mdtrt_cert_type": {"1": "01", "2": "02", "3": "03", "4": "04"},
}
"""Field -> spelling of a code -> the code."""


def renamed(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row in which drifting names and codes are those of the interface.

    A name that stands beside its own alias is kept, and the alias is dropped.

    >>> renamed({"inscp_amt": "4.29", "clr_way": "1"})
    {'inscp_scp_amt': '4.29', 'clr_way': '01'}
    """
    drifting = NAMES.keys() & row.keys()
    coded = _VALUES.keys() & row.keys()
    if not drifting and not coded:
        return row
    found = {
        NAMES.get(name, name): value
        for name, value in row.items()
        if name not in drifting or NAMES[name] not in row
    }
    for name in coded:
        value = found[name]
        if isinstance(value, str | int):
            found[name] = _VALUES[name].get(str(value), value)
    return found


def renamed_input(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input with every row of every node `renamed`."""
    return {
        name: renamed(node)
        if isinstance(node, Mapping)
        else [renamed(row) if isinstance(row, Mapping) else row for row in node]
        if isinstance(node, list)
        else node
        for name, node in said.items()
    }


def visit_type(med_type: str) -> str:
    """Return the national visit type (医疗类别) of a code that a province may have refined.

    Provinces append digits to the two of the nation.

    >>> visit_type("140104"), visit_type("53_04"), visit_type("21"), visit_type("0101")
    ('14', '53', '21', '0101')
    """
    return med_type[:2] if med_type[:2] in codes.VISIT_TYPES else med_type


def fund_pay_type(code: str) -> str:
    """Return the code of a fund (基金支付类型) without the last two digits that provinces choose.

    Codes that begin with 9999 are of funds of their own.

    >>> fund_pay_type("310101"), fund_pay_type("330100"), fund_pay_type("999996")
    ('310100', '330100', '999996')
    """
    return code if code.startswith("9999") else f"{code[:4]}00"
