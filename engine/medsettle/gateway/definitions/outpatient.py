"""Outpatient visits: registration, diagnoses, lines, settlement (2201-2208).

Source: field models of public clients, spec text carried in their comments.
"""

from medsettle.gateway import encountering, settling, uploading
from medsettle.gateway.definitions.nodes import (
    CANCELLED,
    CHARGED,
    CREDENTIAL,
    DIAGNOSES,
    FUNDS,
    LINE_FIELDS,
    SETTLEMENT,
    SUMS,
    person_number,
    split,
    visit_id,
)
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, text
from medsettle.gateway.transactions import Transaction

_DOCUMENTS = "outpatientDocInfoService"
_SETTLING = "outpatientSettleService"

_REGISTRATION = Node(
    "data",
    "门诊挂号",
    (
        person_number(),
        Field("insutype", Kind.TEXT, "险种类型", chars=6, required=True),
        moment("begntime", "开始时间", required=True),
        *CREDENTIAL,
        text("ipt_otp_no", 30, "住院/门诊号", required=True),
        text("atddr_no", 30, "医师编码"),
        text("dr_name", 50, "医师姓名"),
        text("dept_code", 30, "科室编码"),
        text("dept_name", 100, "科室名称"),
        code("caty", "科别"),
    ),
)
_REGISTERED = Node(
    "data",
    "门诊挂号",
    (visit_id(), person_number(), text("ipt_otp_no", 30, "住院/门诊号")),
)
_VISIT = Node(
    "mdtrtinfo",
    "就诊信息",
    (
        visit_id(),
        person_number(),
        code("med_type", "医疗类别", required=True),
        moment("begntime", "开始时间", required=True),
        text("main_cond_dscr", 1_000, "主要病情描述"),
        text("dise_codg", 30, "病种编码"),
        text("dise_name", 500, "病种名称"),
        code("birctrl_type", "计划生育手术类别"),
        day("birctrl_matn_date", "计划生育手术或生育日期"),
        code("matn_type", "生育类别"),
        Field("geso_val", Kind.COUNT, "孕周数", least=0, most=99),
    ),
)
_LINES = Node(
    "feedetail",
    "费用明细",
    (
        visit_id(),
        person_number(),
        text("chrg_bchno", 30, "收费批次号", required=True),
        text("dise_codg", 30, "病种编码"),
        *LINE_FIELDS,
    ),
    many=True,
)
_TO_SETTLE = (
    person_number(),
    *CREDENTIAL,
    code("med_type", "医疗类别"),
    *CHARGED,
    code("psn_setlway", "个人结算方式"),
    visit_id(),
    text("chrg_bchno", 30, "收费批次号", required=True),
    text("invono", 20, "发票号"),
)

TRANSACTIONS = (
    Transaction(
        "2201",
        "门诊挂号",
        (_REGISTRATION,),
        (_REGISTERED,),
        encountering.register,
        service=_DOCUMENTS,
        moves=True,
    ),
    Transaction(
        "2202",
        "门诊挂号撤销",
        (
            Node(
                "data",
                "门诊挂号撤销",
                (person_number(), visit_id(), text("ipt_otp_no", 30, "门诊号")),
            ),
        ),
        (),
        encountering.cancel_registration,
        service=_DOCUMENTS,
        moves=True,
    ),
    Transaction(
        "2203",
        "门诊就诊信息上传",
        (_VISIT, DIAGNOSES),
        (),
        encountering.tell_visit,
        variants=("2203A",),
        service=_DOCUMENTS,
        moves=True,
    ),
    Transaction(
        "2204",
        "门诊费用明细信息上传",
        (_LINES,),
        (split("result"),),
        uploading.upload,
        service=_DOCUMENTS,
        moves=True,
    ),
    Transaction(
        "2205",
        "门诊费用明细信息撤销",
        (
            Node(
                "data",
                "费用明细撤销",
                (
                    text("chrg_bchno", 30, "收费批次号; 0000 for all not settled", required=True),
                    visit_id(),
                    person_number(),
                ),
            ),
        ),
        (),
        uploading.withdraw_batch,
        service=_DOCUMENTS,
        moves=True,
    ),
    Transaction(
        "2206",
        "门诊预结算",
        (Node("data", "门诊预结算", _TO_SETTLE),),
        (SETTLEMENT, FUNDS),
        settling.preview_batch,
        variants=("2206A",),
        service=_SETTLING,
    ),
    Transaction(
        "2207",
        "门诊结算",
        (Node("data", "门诊结算", (*_TO_SETTLE, *SUMS)),),
        (SETTLEMENT, FUNDS),
        settling.settle_batch,
        variants=("2207A",),
        service=_SETTLING,
        moves=True,
    ),
    Transaction(
        "2208",
        "门诊结算撤销",
        (CANCELLED,),
        (SETTLEMENT, FUNDS),
        settling.cancel,
        service=_SETTLING,
        moves=True,
    ),
)
