"""Nodes that several transactions share: the settlement, its funds, and the split of a line.

Source: field models of two vendors that agree, with spec text in their comments; names, types and
lengths are those of the national interface.
"""

from medsettle import limits
from medsettle.core import codes
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, money, text

_YES_NO = ("0", "1")


def flag(name: str, meaning: str, **options: object) -> Field:
    """Return a field of a flag, 0 or 1."""
    return Field(name, Kind.TEXT, meaning, chars=3, values=_YES_NO, **options)  # type: ignore[arg-type]


def visit_id(*, required: bool = True) -> Field:
    """Return the field of a visit."""
    return text("mdtrt_id", 30, "就诊ID", required=required)


def person_number(*, required: bool = True) -> Field:
    """Return the field of a person."""
    return text("psn_no", 30, "人员编号", required=required)


def quantity(*, required: bool = True) -> Field:
    """Return the field of a quantity."""
    most = limits.QUANTITY_E4_MAX
    return Field("cnt", Kind.QUANTITY, "数量", required=required, least=-most, most=most)


def price(*, required: bool = True) -> Field:
    """Return the field of a unit price."""
    most = limits.UNIT_PRICE_E6_MAX
    return Field("pric", Kind.PRICE, "单价", required=required, least=0, most=most)


PERSON_BASE = (
    person_number(),
    text("psn_name", 50, "人员姓名"),
    code("psn_cert_type", "人员证件类型"),
    text("certno", 50, "证件号码"),
    code("gend", "性别"),
    code("naty", "民族", chars=3),
    day("brdy", "出生日期"),
    Field("age", Kind.COUNT, "年龄"),
)
"""Who a person is, in every answer that says so."""

PERSON = (
    *PERSON_BASE,
    code("insutype", "险种类型"),
    code("psn_type", "人员类别"),
    code("cvlserv_flag", "公务员标志", chars=3),
)
"""Who is settled for, and as what."""

SUMS = (
    money("fulamt_ownpay_amt", "全自费金额"),
    money("overlmt_selfpay", "超限价自费费用"),
    money("preselfpay_amt", "先行自付金额"),
    money("inscp_scp_amt", "符合政策范围金额"),
)
"""The four sums that a settlement tells and a client sends back with its settle request."""

SETTLEMENT = Node(
    "setlinfo",
    "结算信息",
    (
        visit_id(),
        text("setl_id", 30, "结算ID"),
        *PERSON,
        moment("setl_time", "结算时间"),
        code("mdtrt_cert_type", "就诊凭证类型", chars=3),
        code("med_type", "医疗类别"),
        money("medfee_sumamt", "医疗费总额"),
        *SUMS,
        money("act_pay_dedc", "实际支付起付线"),
        *(
            money(payer.field, f"{payer.chinese}支出")
            for payer in codes.PAYERS
            if payer.fund and payer.name == "pooled_fund"
        ),
        Field("pool_prop_selfpay", Kind.RATIO, "基本医疗保险统筹基金支付比例; 分段支付时为0"),
        *(
            money(payer.field, f"{payer.chinese}支出")
            for payer in codes.PAYERS
            if payer.fund and payer.name != "pooled_fund"
        ),
        money("fund_pay_sumamt", "基金支付总额"),
        money("psn_part_amt", "个人负担总金额"),
        money("acct_pay", "个人账户支出, 含共济"),
        money("psn_cash_pay", "个人现金支出"),
        money("hosp_part_amt", "医院负担金额"),
        money("balc", "余额"),
        money("acct_mulaid_pay", "个人账户共济支付金额"),
        text("medins_setl_id", 30, "医药机构结算ID, 即发送方报文ID"),
        code("clr_optins", "清算经办机构"),
        code("clr_way", "清算方式"),
        code("clr_type", "清算类别"),
        code("refd_setl_flag", "退费结算标志", chars=3),
        text("init_setl_id", 30, "原结算ID"),
        text("refd_setl_id", 30, "退费结算ID (ours): what took this back; null where it stands"),
    ),
)

FUNDS = Node(
    "setldetail",
    "结算基金分项信息",
    (
        code("fund_pay_type", "基金支付类型"),
        money("inscp_scp_amt", "符合政策范围金额"),
        money("crt_payb_lmt_amt", "本次可支付限额金额"),
        money("fund_payamt", "基金支付金额"),
        text("fund_pay_type_name", 200, "基金支付类型名称"),
        text("setl_proc_info", 4_000, "结算过程信息: JSON of stage, clause, sentence and steps"),
    ),
    many=True,
    required=False,
)

SPLIT_FIELDS = (
    text("feedetl_sn", 30, "费用明细流水号"),
    money("det_item_fee_sumamt", "明细项目费用总额"),
    quantity(),
    price(),
    Field("pric_uplmt_amt", Kind.PRICE, "定价上限金额; 999999 where there is none"),
    Field("selfpay_prop", Kind.RATIO, "自付比例"),
    money("fulamt_ownpay_amt", "全自费金额"),
    money("overlmt_amt", "超限价金额"),
    money("preselfpay_amt", "先行自付金额"),
    money("inscp_scp_amt", "符合政策范围金额"),
    code("chrgitm_lv", "收费项目等级", chars=3),
    code("med_chrgitm_type", "医疗收费项目类别"),
    code("bas_medn_flag", "基本药物标志", chars=3),
    code("hi_nego_drug_flag", "医保谈判药品标志", chars=3),
    code("chld_medc_flag", "儿童用药标志", chars=3),
    code("list_sp_item_flag", "目录特项标志", chars=3),
    code("lmt_used_flag", "限制使用标志", chars=3),
    code("drt_reim_flag", "直报标志", chars=3),
    text("memo", 500, "备注: why a line was cut"),
)


def split(name: str) -> Node:
    """Return the node that tells how lines were split."""
    return Node(name, "费用明细审核结果", SPLIT_FIELDS, many=True, required=False)


DIAGNOSES = Node(
    "diseinfo",
    "诊断信息",
    (
        code("diag_type", "诊断类别", chars=3, required=True),
        Field("diag_srt_no", Kind.COUNT, "诊断排序号", required=True, least=0, most=99),
        text("diag_code", 20, "诊断代码", required=True),
        text("diag_name", 100, "诊断名称", required=True),
        flag("maindiag_flag", "主诊断标志"),
        text("adm_cond", 500, "入院病情"),
        text("diag_dept", 50, "诊断科室"),
        text("dise_dor_no", 30, "诊断医生编码"),
        text("dise_dor_name", 50, "诊断医生姓名"),
        moment("diag_time", "诊断时间"),
        code("vali_flag", "有效标志", chars=3),
    ),
    many=True,
)

LINE_FIELDS = (
    text("feedetl_sn", 30, "费用明细流水号, 单次就诊内唯一", required=True),
    text("rxno", 30, "处方号"),
    flag("rx_circ_flag", "外购处方标志"),
    moment("fee_ocur_time", "费用发生时间", required=True),
    text("med_list_codg", 50, "医疗目录编码", required=True),
    text("medins_list_codg", 150, "医药机构目录编码"),
    money(
        "det_item_fee_sumamt",
        "明细项目费用总额",
        required=True,
        least=-limits.LINE_AMOUNT_FEN_MAX,
        most=limits.LINE_AMOUNT_FEN_MAX,
    ),
    quantity(),
    price(),
    text("sin_dos_dscr", 200, "单次剂量描述"),
    text("used_frqu_dscr", 200, "使用频次描述"),
    Field("prd_days", Kind.COUNT, "周期天数"),
    text("medc_way_dscr", 200, "用药途径描述"),
    text("bilg_dept_codg", 30, "开单科室编码"),
    text("bilg_dept_name", 100, "开单科室名称"),
    text("bilg_dr_codg", 30, "开单医生编码"),
    text("bilg_dr_name", 50, "开单医师姓名"),
    text("acord_dept_codg", 30, "受单科室编码"),
    text("acord_dept_name", 100, "受单科室名称"),
    text("orders_dr_code", 30, "受单医生编码"),
    text("orders_dr_name", 50, "受单医生姓名"),
    Field("hosp_appr_flag", Kind.TEXT, "医院审批标志", chars=3, values=tuple(codes.APPROVALS)),
    code("tcmdrug_used_way", "中药使用方式"),
    text("memo", 500, "备注"),
)
"""Fields of a line, whichever transaction sends it."""

CREDENTIAL = (
    Field("mdtrt_cert_type", Kind.TEXT, "就诊凭证类型", chars=3, required=True),
    text("mdtrt_cert_no", 50, "就诊凭证编号; of an e-voucher the token, scanned anew"),
    text("card_sn", 32, "卡识别码"),
)

CHARGED = (
    Field("insutype", Kind.TEXT, "险种类型", chars=6, required=True),
    flag("acct_used_flag", "个人账户使用标志", required=True),
    money("medfee_sumamt", "医疗费总额", required=True),
)
"""What every settle request states beside its visit."""

CANCELLED = Node(
    "data",
    "撤销结算",
    (text("setl_id", 30, "结算ID", required=True), visit_id(), person_number()),
)
