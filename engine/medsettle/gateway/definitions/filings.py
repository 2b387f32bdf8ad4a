"""Filings and their cancels (2501-2506), and how a person stands (5206, 5301-5304, 5368).

Source: field models of public clients, spec text carried in their comments. Of 5368 only its title
is published; its fields are ours, named as the interface names such values elsewhere.
"""

from medsettle import limits
from medsettle.gateway import declaring, standing
from medsettle.gateway.definitions.nodes import PERSON_BASE, person_number
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, money, text
from medsettle.gateway.transactions import Transaction

_QUERIES = "fsiIntegratedQueryService"

_INSURANCE = Field("insutype", Kind.TEXT, "险种类型", chars=6, required=True)
_CONTACT = (text("tel", 50, "联系电话"), text("addr", 200, "联系地址"))
_SPAN = (day("begndate", "开始日期", required=True), day("enddate", "结束日期"))
_AGENT = (
    text("agnter_name", 50, "代办人姓名"),
    code("agnter_cert_type", "代办人证件类型"),
    text("agnter_certno", 50, "代办人证件号码"),
    text("agnter_tel", 30, "代办人联系方式"),
    text("agnter_addr", 200, "代办人联系地址"),
    code("agnter_rlts", "代办人关系", chars=3),
)
_NUMBER = text("trt_dcla_detl_sn", 30, "待遇申报明细流水号")
_FILED = Node("result", "备案结果", (_NUMBER,))

_REFERRAL_FIELDS = (
    *_CONTACT,
    code("insu_optins", "参保机构医保区划"),
    text("diag_code", 20, "诊断代码"),
    text("diag_name", 100, "诊断名称"),
    text("dise_cond_dscr", 2_000, "疾病病情描述"),
    text("reflin_medins_no", 30, "转往定点医药机构编号; without it, any in mdtrtarea_admvs"),
    text("reflin_medins_name", 200, "转往医院名称"),
    code("hosp_agre_refl_flag", "医院同意转院标志", chars=3),
    code("refl_type", "转院类型"),
    day("refl_date", "转院日期"),
    text("refl_rea", 100, "转院原因"),
    text("refl_opnn", 200, "转院意见"),
)
_REFERRAL = Node(
    "refmedin",
    "转院备案",
    (
        person_number(),
        _INSURANCE,
        *_REFERRAL_FIELDS,
        code("mdtrtarea_admvs", "就医地行政区划", required=True),
        *_SPAN,
    ),
)
_DISEASE = Node(
    "data",
    "人员慢特病备案",
    (
        person_number(),
        _INSURANCE,
        Field("opsp_dise_code", Kind.TEXT, "门慢门特病种目录代码", chars=30, required=True),
        text("opsp_dise_name", 300, "门慢门特病种名称"),
        *_CONTACT,
        code("insu_optins", "参保机构医保区划"),
        text("ide_fixmedins_no", 30, "鉴定定点医药机构编号"),
        text("ide_fixmedins_name", 200, "鉴定定点医药机构名称"),
        day("hosp_ide_date", "医院鉴定日期"),
        text("diag_dr_codg", 30, "诊断医师编码"),
        text("diag_dr_name", 50, "诊断医师姓名"),
        *_SPAN,
    ),
)
_APPLICATION = Field(
    "biz_appy_type",
    Kind.TEXT,
    "业务申请类型: 01 chronic disease, 03 institution, 08 living elsewhere",
    chars=3,
)
_CHOICE = Node(
    "data",
    "人员定点备案",
    (
        person_number(),
        *_CONTACT,
        Field("biz_appy_type", Kind.TEXT, _APPLICATION.meaning, chars=3, required=True),
        *_SPAN,
        *_AGENT,
        text("fix_srt_no", 3, "定点排序号", required=True),
        text("fixmedins_code", 30, "定点医药机构编号", required=True),
        text("fixmedins_name", 200, "定点医药机构名称"),
        text("memo", 500, "备注"),
    ),
)
_CANCEL = Node(
    "data",
    "备案撤销",
    (
        text("trt_dcla_detl_sn", 30, "待遇申报明细流水号", required=True),
        person_number(),
        text("memo", 500, "备注"),
    ),
)
_OF_PERSON = Node("data", "人员", (person_number(),))
_IN_SPAN = Node(
    "data",
    "人员和时间",
    (
        person_number(),
        moment("begntime", "开始时间", required=True),
        moment("endtime", "结束时间", required=True),
    ),
)
_DISEASES = Node(
    "feedetail",
    "慢特病备案",
    (
        text("opsp_dise_code", 30, "门慢门特病种目录代码"),
        text("opsp_dise_name", 300, "门慢门特病种名称"),
        *_SPAN,
        _NUMBER,
    ),
    many=True,
    required=False,
)
_CHOICES = Node(
    "psnfixmedin",
    "人员定点信息",
    (
        person_number(),
        code("insutype", "险种类型"),
        text("fix_srt_no", 3, "定点排序号"),
        text("fixmedins_code", 30, "定点医药机构编号"),
        text("fixmedins_name", 200, "定点医药机构名称"),
        *_SPAN,
        text("memo", 500, "备注"),
        _APPLICATION,
        _NUMBER,
    ),
    many=True,
    required=False,
)
_REFERRALS = Node(
    "refmedin",
    "转院信息",
    (
        *PERSON_BASE,
        code("insutype", "险种类型"),
        *_REFERRAL_FIELDS,
        code("mdtrtarea_admvs", "就医地行政区划"),
        *_SPAN,
        _NUMBER,
    ),
    many=True,
    required=False,
)
_STAYS = Node(
    "data",
    "在院信息",
    (
        text("mdtrt_id", 30, "就诊ID"),
        *PERSON_BASE,
        code("insutype", "险种类型"),
        day("begndate", "开始日期"),
        code("med_type", "医疗类别"),
        text("ipt_otp_no", 30, "住院/门诊号"),
        code("out_flag", "异地标志", chars=3),
    ),
    many=True,
    required=False,
)
_COUNTERS = Node(
    "cuminfo",
    "人员累计信息",
    (
        code("insutype", "险种类型"),
        text("year", 4, "年度"),
        text("cum_ym", 6, "累计年月"),
        text("cum_type_code", 100, "累计类别代码: D and a fund code, or the name of our counter"),
        money("cum", "累计值: yuan, or a number of times"),
    ),
    many=True,
    required=False,
)
_STATEMENT = Node(
    "data",
    "账户余额信息查询",
    (
        person_number(),
        Field("after_seq", Kind.COUNT, "movements after this number", least=0),
        Field("page_size", Kind.COUNT, "本页数据量", least=1, most=limits.GATEWAY_PAGE_ROWS_MAX),
    ),
)
_ACCOUNTS = Node(
    "acctinfo",
    "账户",
    (person_number(), code("insuplc_admdvs", "参保地医保区划"), money("balc", "余额")),
    many=True,
    required=False,
)
_MOVEMENTS = Node(
    "acctdetl",
    "账户收支明细, in the order they were recorded",
    (
        code("insuplc_admdvs", "参保地医保区划"),
        Field("seq", Kind.COUNT, "顺序号"),
        moment("opt_time", "发生时间"),
        text("acct_chg_type", 20, "变动类型: settle, cancel, opening and others"),
        text("setl_id", 30, "结算ID or the id of what else moved it"),
        text("fixmedins_code", 50, "定点医药机构编号"),
        money("chg_amt", "变动金额, negative where it leaves"),
        money("balc", "变动后余额"),
    ),
    many=True,
    required=False,
)

TRANSACTIONS = (
    Transaction(
        "2501",
        "转院备案",
        (_REFERRAL,),
        (_FILED,),
        declaring.file_referral,
        variants=("2501A",),
        moves=True,
    ),
    Transaction("2502", "转院备案撤销", (_CANCEL,), (), declaring.cancel, moves=True),
    Transaction(
        "2503", "人员慢特病备案", (_DISEASE,), (_FILED,), declaring.file_disease, moves=True
    ),
    Transaction("2504", "人员慢特病备案撤销", (_CANCEL,), (), declaring.cancel, moves=True),
    Transaction("2505", "人员定点备案", (_CHOICE,), (_FILED,), declaring.file_choice, moves=True),
    Transaction("2506", "人员定点备案撤销", (_CANCEL,), (), declaring.cancel, moves=True),
    Transaction(
        "5206",
        "人员累计信息查询",
        (Node("data", "人员累计信息查询", (person_number(), text("cum_ym", 6, "累计年月"))),),
        (_COUNTERS,),
        standing.tell_counters,
        service=_QUERIES,
    ),
    Transaction(
        "5301",
        "人员慢特病备案查询",
        (_OF_PERSON,),
        (_DISEASES,),
        standing.tell_diseases,
        service=_QUERIES,
    ),
    Transaction(
        "5302",
        "人员定点信息查询",
        (Node("data", "人员定点信息查询", (person_number(), _APPLICATION)),),
        (_CHOICES,),
        standing.tell_choices,
        service=_QUERIES,
    ),
    Transaction(
        "5303", "在院信息查询", (_IN_SPAN,), (_STAYS,), standing.tell_stays, service=_QUERIES
    ),
    Transaction(
        "5304",
        "转院信息查询",
        (_IN_SPAN,),
        (_REFERRALS,),
        standing.tell_referrals,
        service=_QUERIES,
    ),
    Transaction(
        "5368", "账户余额信息查询", (_STATEMENT,), (_ACCOUNTS, _MOVEMENTS), standing.tell_account
    ),
)
