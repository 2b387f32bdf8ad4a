"""Pharmacies: lines travel inside; visit and settlement are made at once (2101-2103).

Source: field models of public clients, spec text carried in their comments.
"""

from medsettle.gateway import buying, settling
from medsettle.gateway.definitions.nodes import (
    CANCELLED,
    CHARGED,
    CREDENTIAL,
    FUNDS,
    LINE_FIELDS,
    SETTLEMENT,
    person_number,
    split,
)
from medsettle.gateway.fields import Node, code, moment, text
from medsettle.gateway.transactions import Transaction

_SERVICE = "drugstoreSettleService"

_PURCHASE = Node(
    "druginfo",
    "药店购药",
    (
        person_number(),
        *CREDENTIAL,
        moment("begntime", "开始时间", required=True),
        *CHARGED,
        text("invono", 20, "发票号"),
        text("dise_codg", 30, "病种编码"),
        text("dise_name", 500, "病种名称"),
        code("med_type", "医疗类别", required=True),
    ),
)
_DRUGS = Node("drugdetail", "购药明细", LINE_FIELDS, many=True)
_OUTPUTS = (SETTLEMENT, FUNDS, split("detlcutinfo"))

TRANSACTIONS = (
    Transaction(
        "2101", "药店预结算", (_PURCHASE, _DRUGS), _OUTPUTS, buying.preview, service=_SERVICE
    ),
    Transaction(
        "2102",
        "药店结算",
        (_PURCHASE, _DRUGS),
        _OUTPUTS,
        buying.settle,
        variants=("2102A",),
        service=_SERVICE,
        moves=True,
    ),
    Transaction(
        "2103",
        "药店结算撤销",
        (CANCELLED,),
        (SETTLEMENT, FUNDS),
        settling.cancel,
        service=_SERVICE,
        moves=True,
    ),
)
