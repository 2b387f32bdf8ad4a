"""Stays: admission, lines, mid-stay and final settlement, discharge (2301-2305, 2401-2405).

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
    flag,
    person_number,
    split,
    visit_id,
)
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, text
from medsettle.gateway.transactions import Transaction

_STAYS = "hospitalRegisterService"
_LINES_OF_STAYS = "hospFeeDtlService"
_SETTLING = "hospSettService"

_MATERNITY = (
    code("matn_type", "生育类别"),
    code("birctrl_type", "计划生育手术类别"),
    flag("latechb_flag", "晚育标志"),
    Field("geso_val", Kind.COUNT, "孕周数", least=0, most=99),
    Field("fetts", Kind.COUNT, "胎次", least=0, most=99),
    Field("fetus_cnt", Kind.COUNT, "胎儿数", least=0, most=99),
    flag("pret_flag", "早产标志"),
    day("birctrl_matn_date", "计划生育手术或生育日期"),
)
_DISEASE = (
    text("dise_codg", 30, "病种编码"),
    text("dise_name", 500, "病种名称"),
    text("oprn_oprt_code", 30, "手术操作代码"),
    text("oprn_oprt_name", 500, "手术操作名称"),
    text("fpsc_no", 50, "计划生育服务证号"),
)
STAY = (
    text("coner_name", 50, "联系人姓名"),
    text("tel", 50, "联系电话"),
    text("ipt_no", 30, "住院号"),
    text("medrcdno", 30, "病历号"),
    text("atddr_no", 30, "主治医生编码"),
    text("chfpdr_name", 50, "主诊医师姓名"),
    text("adm_diag_dscr", 200, "入院诊断描述"),
    text("adm_dept_codg", 30, "入院科室编码"),
    text("adm_dept_name", 100, "入院科室名称"),
    text("adm_bed", 30, "入院床位"),
    text("dscg_maindiag_code", 20, "住院主诊断代码"),
    text("dscg_maindiag_name", 100, "住院主诊断名称"),
    text("main_cond_dscr", 1_000, "主要病情描述"),
    *_DISEASE,
    *_MATERNITY,
    code("dise_type_code", "病种类型代码"),
)
"""What is told of a stay beside who, when and as what."""
_ADMISSION = Node(
    "mdtrtinfo",
    "入院登记",
    (
        person_number(),
        Field("insutype", Kind.TEXT, "险种类型", chars=6, required=True),
        moment("begntime", "开始时间", required=True),
        *CREDENTIAL,
        code("med_type", "医疗类别", required=True),
        *STAY,
    ),
)
_CHANGE = Node(
    "adminfo",
    "住院信息变更",
    (
        visit_id(),
        person_number(),
        moment("begntime", "开始时间"),
        code("med_type", "医疗类别"),
        *STAY,
    ),
)
_DISCHARGE = Node(
    "dscginfo",
    "出院办理",
    (
        visit_id(),
        person_number(),
        code("insutype", "险种类型"),
        moment("endtime", "结束时间", required=True),
        *_DISEASE,
        *_MATERNITY,
        flag("cop_flag", "伴有并发症标志"),
        text("dscg_dept_codg", 30, "出院科室编码"),
        text("dscg_dept_name", 100, "出院科室名称"),
        text("dscg_bed", 30, "出院床位"),
        code("dscg_way", "离院方式"),
        day("die_date", "死亡日期"),
    ),
)
_LINES = Node(
    "feedetail",
    "费用明细",
    (
        visit_id(),
        person_number(),
        text("init_feedetl_sn", 30, "原费用流水号; 退单时为被退明细的流水号"),
        text("drord_no", 30, "医嘱号"),
        code("med_type", "医疗类别"),
        *LINE_FIELDS,
        flag("etip_flag", "外检标志"),
        text("etip_hosp_code", 30, "外检医院编码"),
        flag("dscg_tkdrug_flag", "出院带药标志"),
        flag("matn_fee_flag", "生育费用标志"),
    ),
    many=True,
)
_TO_SETTLE = (
    person_number(),
    *CREDENTIAL,
    *CHARGED,
    code("psn_setlway", "个人结算方式"),
    visit_id(),
    flag("mid_setl_flag", "中途结算标志"),
    moment("dscg_time", "出院时间"),
    text("invono", 20, "发票号"),
)


def _of_stay(title: str, *more: Field) -> Node:
    return Node("data", title, (visit_id(), person_number(), *more))


TRANSACTIONS = (
    Transaction(
        "2301",
        "住院费用明细上传",
        (_LINES,),
        (split("result"),),
        uploading.upload,
        service=_LINES_OF_STAYS,
        moves=True,
    ),
    Transaction(
        "2302",
        "住院费用明细撤销",
        (
            Node(
                "data",
                "费用明细撤销",
                (
                    text(
                        "feedetl_sn", 30, "费用明细流水号; 0000 for all not settled", required=True
                    ),
                    visit_id(),
                    person_number(),
                ),
                many=True,
            ),
        ),
        (),
        uploading.withdraw_lines,
        service=_LINES_OF_STAYS,
        moves=True,
    ),
    Transaction(
        "2303",
        "住院预结算",
        (Node("data", "住院预结算", _TO_SETTLE),),
        (SETTLEMENT, FUNDS),
        settling.preview_stay,
        service=_SETTLING,
    ),
    Transaction(
        "2304",
        "住院结算",
        (Node("data", "住院结算", (*_TO_SETTLE, *SUMS)),),
        (SETTLEMENT, FUNDS),
        settling.settle_stay,
        variants=("2304A",),
        service=_SETTLING,
        moves=True,
    ),
    Transaction(
        "2305",
        "住院结算撤销",
        (CANCELLED,),
        (SETTLEMENT, FUNDS),
        settling.cancel,
        service=_SETTLING,
        moves=True,
    ),
    Transaction(
        "2401",
        "入院办理",
        (_ADMISSION, DIAGNOSES),
        (Node("result", "入院办理", (visit_id(),)),),
        encountering.admit,
        service=_STAYS,
        moves=True,
    ),
    Transaction(
        "2402",
        "出院办理",
        (_DISCHARGE, DIAGNOSES),
        (),
        encountering.discharge,
        service=_STAYS,
        moves=True,
    ),
    Transaction(
        "2403",
        "住院信息变更",
        (_CHANGE, DIAGNOSES),
        (),
        encountering.change,
        service=_STAYS,
        moves=True,
    ),
    Transaction(
        "2404",
        "入院撤销",
        (_of_stay("入院撤销"),),
        (),
        encountering.cancel_admission,
        service=_STAYS,
        moves=True,
    ),
    Transaction(
        "2405",
        "出院撤销",
        (_of_stay("出院撤销"),),
        (),
        encountering.cancel_discharge,
        service=_STAYS,
        moves=True,
    ),
)
