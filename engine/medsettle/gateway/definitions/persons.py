"""Persons, institutions, benefits and code tables (1101, 1201, 2001, 1901).

Source: field models of two vendors that agree, with spec text in their comments.
"""

from medsettle.core import code_words
from medsettle.gateway import benefits, dictionaries, people
from medsettle.gateway.definitions.nodes import PERSON_BASE, flag, person_number
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, money, text
from medsettle.gateway.transactions import Transaction

_SHOWN = Node(
    "data",
    "人员信息获取",
    (
        Field("mdtrt_cert_type", Kind.TEXT, "就诊凭证类型", chars=3, required=True),
        text("mdtrt_cert_no", 50, "就诊凭证编号: token, identity number or card number"),
        text("card_sn", 32, "卡识别码"),
        moment("begntime", "开始时间; the day whose identities are told"),
        code("psn_cert_type", "人员证件类型"),
        text("certno", 50, "证件号码"),
        text("psn_name", 50, "人员姓名"),
    ),
)
_BASE = Node("baseinfo", "人员基本信息", PERSON_BASE)
_INSURANCES = Node(
    "insuinfo",
    "参保信息; the client chooses one",
    (
        money("balc", "余额"),
        code("insutype", "险种类型"),
        code("psn_type", "人员类别"),
        code("psn_insu_stas", "人员参保状态"),
        day("psn_insu_date", "个人参保日期"),
        day("paus_insu_date", "暂停参保日期"),
        code("cvlserv_flag", "公务员标志", chars=3),
        code("insuplc_admdvs", "参保地医保区划"),
        text("emp_name", 200, "单位名称"),
    ),
    many=True,
    required=False,
)
_IDENTITIES = Node(
    "idetinfo",
    "身份信息",
    (
        text("psn_idet_type", 50, "人员身份类别"),
        code("psn_type_lv", "人员类别等级", chars=3),
        text("memo", 200, "备注"),
        day("begntime", "开始时间"),
        day("endtime", "结束时间"),
    ),
    many=True,
    required=False,
)
_INSTITUTION_TYPE = Field(
    "fixmedins_type",
    Kind.TEXT,
    "定点医疗服务机构类型",
    chars=6,
    required=True,
    values=tuple(code_words.INSTITUTION_TYPE_WORDS),
)
_WANTED = Node(
    "medinsinfo",
    "医药机构信息获取",
    (
        _INSTITUTION_TYPE,
        text("fixmedins_name", 200, "定点医药机构名称: a part of it"),
        text("fixmedins_code", 30, "定点医药机构编号"),
    ),
)
_INSTITUTIONS = Node(
    "medinsinfo",
    "医药机构信息",
    (
        text("fixmedins_code", 30, "定点医药机构编号"),
        text("fixmedins_name", 200, "定点医药机构名称"),
        text("uscc", 50, "统一社会信用代码"),
        code("fixmedins_type", "定点医疗服务机构类型"),
        code("hosp_lv", "医院等级"),
    ),
    many=True,
)
_CHECKED = Node(
    "data",
    "待遇享受检查",
    (
        person_number(),
        Field("insutype", Kind.TEXT, "险种类型", chars=6, required=True),
        text("fixmedins_code", 30, "定点医药机构编号"),
        code("med_type", "医疗类别", required=True),
        moment("begntime", "开始时间", required=True),
        moment("endtime", "结束时间"),
        text("dise_codg", 30, "病种编码"),
        text("dise_name", 500, "病种名称"),
        text("oprn_oprt_code", 30, "手术操作代码"),
        text("oprn_oprt_name", 500, "手术操作名称"),
        code("matn_type", "生育类别"),
        code("birctrl_type", "计划生育手术类别"),
    ),
)
_BENEFITS = Node(
    "trtinfo",
    "待遇信息: a row for each fund of each policy",
    (
        person_number(),
        code("trt_chk_type", "待遇检查类型; no code is published, so none is told"),
        code("fund_pay_type", "基金支付类型"),
        flag("trt_enjymnt_flag", "基金款项待遇享受标志"),
        day("begndate", "开始日期"),
        day("enddate", "结束日期"),
        text("trt_chk_rslt", 500, "待遇检查结果: the policy, and what is left of its limits today"),
    ),
    many=True,
)
_TABLE = Node(
    "data",
    "字典表查询",
    (
        text("type", 30, "字典类型", required=True),
        text("parentValue", 10, "父字典键值"),
        code("admdvs", "行政区划"),
        day("date", "查询日期"),
        code("valiFlag", "有效标志", chars=3),
    ),
)
_ROWS = Node(
    "list",
    "字典",
    (
        text("type", 30, "字典类型"),
        text("label", 50, "字典标签"),
        text("value", 20, "字典键值"),
        text("parentValue", 10, "父字典键值"),
        Field("sort", Kind.COUNT, "序号"),
        code("valiFlag", "有效标志", chars=3),
    ),
    many=True,
    required=False,
)

TRANSACTIONS = (
    Transaction(
        "1101",
        "人员信息获取",
        (_SHOWN,),
        (_BASE, _INSURANCES, _IDENTITIES),
        people.tell_person,
        service="fsiPsnInfoService",
    ),
    Transaction(
        "1201",
        "医药机构信息获取",
        (_WANTED,),
        (_INSTITUTIONS,),
        people.tell_institutions,
        service="fsiFixMedInsService",
    ),
    Transaction(
        "1901",
        "字典表查询",
        (_TABLE,),
        (_ROWS,),
        dictionaries.tell_dictionary,
        service="catalogqueryservice",
    ),
    Transaction(
        "2001",
        "人员待遇享受检查",
        (_CHECKED,),
        (_BENEFITS,),
        benefits.check_benefits,
        service="fsiPsnPriorityInfoService",
    ),
)
