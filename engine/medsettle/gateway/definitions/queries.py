"""What an institution asks about its own visits and settlements (5201-5205).

Source: field models of public clients, spec text carried in their comments. The answers have the
fields that are known here; the rest of the interface's are for people and are left out.
"""

from medsettle.gateway import queries
from medsettle.gateway.definitions.inpatient import STAY
from medsettle.gateway.definitions.nodes import (
    DIAGNOSES,
    FUNDS,
    LINE_FIELDS,
    PERSON,
    SETTLEMENT,
    SPLIT_FIELDS,
    person_number,
    visit_id,
)
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, money, text
from medsettle.gateway.transactions import Transaction

_SERVICE = "fsiQueryService"

_VISIT = Node(
    "mdtrtinfo",
    "就诊信息",
    (
        visit_id(),
        *PERSON,
        code("insu_optins", "参保机构医保区划"),
        text("emp_name", 200, "单位名称"),
        moment("begntime", "开始时间"),
        moment("endtime", "结束时间"),
        code("mdtrt_cert_type", "就诊凭证类型", chars=3),
        code("med_type", "医疗类别"),
        text("ipt_otp_no", 30, "住院/门诊号"),
        *(field for field in STAY if field.name != "ipt_no"),
        text("dscg_dept_codg", 30, "出院科室编码"),
        text("dscg_dept_name", 100, "出院科室名称"),
        text("dscg_bed", 30, "出院床位"),
        code("dscg_way", "离院方式"),
        day("die_date", "死亡日期"),
        Field("ipt_days", Kind.COUNT, "住院天数"),
    ),
    many=True,
)
_SETTLED = Node(
    "setllist",
    "就诊的结算 (ours): settlements of the visits told, and what took them back",
    (
        visit_id(),
        text("setl_id", 30, "结算ID"),
        text("medins_setl_id", 30, "医药机构结算ID, 即结算报文的msgid"),
        moment("setl_time", "结算时间"),
        money("medfee_sumamt", "医疗费总额"),
        code("refd_setl_flag", "退费结算标志", chars=3),
        text("init_setl_id", 30, "原结算ID, of what took it back"),
        text("refd_setl_id", 30, "退费结算ID; null where it stands"),
    ),
    many=True,
    required=False,
)
_ITEM = (
    text("hilist_code", 50, "医保目录编码"),
    text("hilist_name", 200, "医保目录名称"),
    code("list_type", "目录类别"),
    text("rx_drord_no", 30, "处方/医嘱号"),
    code("med_type", "医疗类别"),
)
_SAID = tuple(
    field for field in LINE_FIELDS if field.name not in {each.name for each in SPLIT_FIELDS}
)


def _asked(title: str, *fields: Field) -> Node:
    return Node("data", title, (person_number(), *fields))


TRANSACTIONS = (
    Transaction(
        "5201",
        "就诊信息查询",
        (
            _asked(
                "就诊信息查询",
                moment("begntime", "开始时间"),
                moment("endtime", "结束时间"),
                code("med_type", "医疗类别"),
                visit_id(required=False),
            ),
        ),
        (_VISIT, _SETTLED),
        queries.visits,
        service=_SERVICE,
    ),
    Transaction(
        "5202",
        "诊断信息查询",
        (_asked("诊断信息查询", visit_id()),),
        (
            Node(
                "diseinfo",
                "诊断信息",
                (visit_id(), person_number(), *DIAGNOSES.fields),
                many=True,
            ),
        ),
        queries.diagnoses,
        service=_SERVICE,
    ),
    Transaction(
        "5203",
        "结算信息查询",
        (
            _asked(
                "结算信息查询: setl_id, or medins_setl_id, or mdtrt_id of a visit settled once",
                visit_id(required=False),
                text("setl_id", 30, "结算ID"),
                text("medins_setl_id", 30, "医药机构结算ID, 即结算报文的msgid (ours)"),
                text("omsgid", 30, "原发送方报文ID, the same (ours)"),
            ),
        ),
        (SETTLEMENT, FUNDS),
        queries.one_settlement,
        service=_SERVICE,
    ),
    Transaction(
        "5204",
        "费用明细查询",
        (_asked("费用明细查询", visit_id(), text("setl_id", 30, "结算ID")),),
        (
            Node(
                "",
                "费用明细",
                (visit_id(), text("setl_id", 30, "结算ID"), *_ITEM, *SPLIT_FIELDS, *_SAID),
                many=True,
            ),
        ),
        queries.lines,
        service=_SERVICE,
    ),
    Transaction(
        "5205",
        "人员慢特病用药记录查询",
        (
            _asked(
                "人员慢特病用药记录查询",
                moment("begntime", "开始时间", required=True),
                moment("endtime", "结束时间"),
            ),
        ),
        (
            Node(
                "feedetail",
                "用药记录",
                (
                    text("fixmedins_code", 30, "定点医药机构编号"),
                    text("fixmedins_name", 200, "定点医药机构名称"),
                    person_number(),
                    *_ITEM,
                    *SPLIT_FIELDS,
                    *_SAID,
                ),
                many=True,
            ),
        ),
        queries.chronic_drugs,
        service=_SERVICE,
    ),
)
