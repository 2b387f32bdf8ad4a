"""The settlement list (医保结算清单): upload, status, query (4101-4103).

Source: field models of two vendors that agree, with spec text in their comments. 4101 and 4101A are
one transaction here: the older one sends besides what the settlement says anyway, and that is
checked where it is sent. Two shapes of the answer are in use, so it has both.
"""

from medsettle.gateway import settlement_list
from medsettle.gateway.definitions.nodes import flag, person_number, visit_id
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, money, text
from medsettle.gateway.transactions import Transaction

_SERVICE = "settlementListService"

_WHO = (
    text("fixmedins_name", 200, "定点医药机构名称"),
    text("fixmedins_code", 30, "定点医药机构编号"),
    code("hi_setl_lv", "医保结算等级"),
    text("hi_no", 30, "医保编号"),
    text("medcasno", 40, "病案号"),
    moment("dcla_time", "申报时间"),
    text("psn_name", 50, "人员姓名"),
    code("gend", "性别"),
    day("brdy", "出生日期"),
    text("age", 6, "年龄"),
    code("ntly", "国籍"),
    text("nwb_age", 6, "年龄不足1周岁时的年龄, 天"),
    code("naty", "民族"),
    code("patn_cert_type", "患者证件类别"),
    text("certno", 50, "证件号码"),
    code("prfs", "职业"),
    text("curr_addr", 200, "现住址"),
    text("emp_name", 200, "单位名称"),
    text("emp_addr", 200, "单位地址"),
    text("emp_tel", 50, "单位电话"),
    code("poscode", "邮编"),
    text("coner_name", 50, "联系人姓名"),
    code("patn_rlts", "与患者关系"),
    text("coner_addr", 200, "联系人地址"),
    text("coner_tel", 50, "联系人电话"),
    code("hi_type", "医保类型"),
    code("insuplc", "参保地"),
    code("sp_psn_type", "特殊人员类型"),
)
_TREATED = (
    code("nwb_adm_type", "新生儿入院类型"),
    text("nwb_bir_wt", 20, "新生儿出生体重, 克"),
    text("nwb_adm_wt", 20, "新生儿入院体重, 克"),
    text("mul_nwb_bir_wt", 100, "多新生儿出生体重, 克"),
    text("mul_nwb_adm_wt", 100, "多新生儿入院体重, 克"),
    text("opsp_diag_caty", 50, "门诊慢特病诊断科别"),
    day("opsp_mdtrt_date", "门诊慢特病就诊日期"),
    code("ipt_med_type", "住院医疗类型"),
    code("adm_way", "入院途径"),
    code("trt_type", "治疗类别"),
    moment("adm_time", "入院时间"),
    text("adm_caty", 50, "入院科别"),
    text("refldept_dept", 200, "转科科别"),
    moment("dscg_time", "出院时间"),
    text("dscg_caty", 50, "出院科别"),
    text("act_ipt_days", 6, "实际住院天数"),
    text("otp_wm_dise", 200, "门（急）诊西医诊断"),
    text("wm_dise_code", 20, "西医诊断疾病代码"),
    text("otp_tcm_dise", 200, "门（急）诊中医诊断"),
    text("tcm_dise_code", 20, "中医诊断代码"),
    text("diag_code_cnt", 6, "诊断代码计数"),
    text("oprn_oprt_code_cnt", 6, "手术操作代码计数"),
    text("vent_used_dura", 20, "呼吸机使用时长: 天/小时/分钟"),
    text("pwcry_bfadm_coma_dura", 20, "颅脑损伤患者入院前昏迷时长: 天/小时/分钟"),
    text("pwcry_afadm_coma_dura", 20, "颅脑损伤患者入院后昏迷时长: 天/小时/分钟"),
    code("bld_cat", "输血品种"),
    text("bld_amt", 20, "输血量"),
    code("bld_unt", "输血计量单位"),
    text("spga_nurscare_days", 6, "特级护理天数"),
    text("lv1_nurscare_days", 6, "一级护理天数"),
    text("scd_nurscare_days", 6, "二级护理天数"),
    text("lv3_nurscare_days", 6, "三级护理天数"),
    code("dscg_way", "离院方式"),
    text("acp_medins_name", 100, "拟接收机构名称"),
    text("acp_optins_code", 30, "拟接收机构代码"),
    code("days_rinp_flag_31", "出院31天内再住院计划标志"),
    text("days_rinp_pup_31", 200, "出院31天内再住院目的"),
    text("chfpdr_name", 50, "主诊医师姓名"),
    text("chfpdr_code", 30, "主诊医师代码"),
    text("resp_nurs_code", 30, "责任护士代码"),
)
_BILLED = (
    text("bill_code", 50, "票据代码", required=True),
    text("bill_no", 30, "票据号码", required=True),
    text("biz_sn", 50, "业务流水号"),
    day("setl_begn_date", "结算开始日期", required=True),
    day("setl_end_date", "结算结束日期", required=True),
    money("psn_selfpay", "个人自付"),
    money("psn_ownpay", "个人自费"),
    money("acct_pay", "个人账户支出"),
    money("psn_cashpay", "个人现金支付"),
    code("hi_paymtd", "医保支付方式"),
    text("hsorg", 100, "医保机构"),
    text("hsorg_opter", 50, "医保机构经办人"),
    text("medins_fill_dept", 100, "医疗机构填报部门"),
    text("medins_fill_psn", 50, "医疗机构填报人"),
    code("stas_type", "状态分类"),
)
_LIST = Node(
    "setlinfo",
    "结算清单信息",
    (
        visit_id(),
        text("setl_id", 30, "结算ID", required=True),
        person_number(required=False),
        *_WHO,
        *_TREATED,
        *_BILLED,
    ),
)
_PARTS = (
    Node(
        "payinfo",
        "基金支付信息",
        (
            code("fund_pay_type", "基金支付类型", required=True),
            money("fund_payamt", "基金支付金额", required=True),
        ),
        many=True,
        required=False,
    ),
    Node(
        "opspdiseinfo",
        "门诊慢特病诊断信息",
        (
            text("diag_name", 100, "诊断名称", required=True),
            text("diag_code", 20, "诊断代码", required=True),
            text("oprn_oprt_name", 500, "手术操作名称"),
            text("oprn_oprt_code", 30, "手术操作代码"),
        ),
        many=True,
        required=False,
    ),
    Node(
        "diseinfo",
        "住院诊断信息",
        (
            code("diag_type", "诊断类别", required=True),
            text("diag_code", 20, "诊断代码", required=True),
            text("diag_name", 100, "诊断名称", required=True),
            code("adm_cond_type", "入院病情类型"),
            flag("maindiag_flag", "主诊断标志"),
        ),
        many=True,
        required=False,
    ),
    Node(
        "iteminfo",
        "收费项目信息",
        (
            code("med_chrgitm", "医疗收费项目", required=True),
            money("amt", "金额", required=True),
            money("claa_sumfee", "甲类费用合计"),
            money("clab_amt", "乙类金额"),
            money("fulamt_ownpay_amt", "全自费金额"),
            money("oth_amt", "其他金额"),
        ),
        many=True,
        required=False,
    ),
    Node(
        "oprninfo",
        "手术操作信息",
        (
            code("oprn_oprt_type", "手术操作类别"),
            text("oprn_oprt_name", 500, "手术操作名称", required=True),
            text("oprn_oprt_code", 30, "手术操作代码", required=True),
            day("oprn_oprt_date", "手术操作日期"),
            moment("oprn_oprt_begntime", "手术操作开始时间"),
            moment("oprn_oprt_endtime", "手术操作结束时间"),
            code("anst_way", "麻醉方式"),
            moment("anst_begntime", "麻醉开始时间"),
            moment("anst_endtime", "麻醉结束时间"),
            text("oper_dr_name", 50, "术者医师姓名"),
            text("oper_dr_code", 30, "术者医师代码"),
            text("anst_dr_name", 50, "麻醉医师姓名"),
            text("anst_dr_code", 30, "麻醉医师代码"),
        ),
        many=True,
        required=False,
    ),
    Node(
        "icuinfo",
        "重症监护信息",
        (
            code("scs_cutd_ward_type", "重症监护病房类型", required=True),
            moment("scs_cutd_inpool_time", "重症监护进入时间", required=True),
            moment("scs_cutd_exit_time", "重症监护退出时间", required=True),
            text("scs_cutd_sum_dura", 20, "重症监护合计时长: 天/小时/分钟"),
        ),
        many=True,
        required=False,
    ),
    Node(
        "bldinfo",
        "输血信息",
        (
            code("bld_cat", "输血品种", required=True),
            text("bld_amt", 20, "输血量", required=True),
            code("bld_unt", "输血计量单位"),
        ),
        many=True,
        required=False,
    ),
)
_NUMBER = (text("setl_list_id", 30, "清单流水号"),)
_STATES = Node(
    "stastinfo",
    "结算清单状态",
    (
        person_number(required=False),
        text("setl_id", 30, "结算ID", required=True),
        code("stas_type", "状态分类", required=True),
    ),
    many=True,
    required=False,
    most=settlement_list.STATES_MAX,
)

TRANSACTIONS = (
    Transaction(
        "4101",
        "医疗保障基金结算清单信息上传",
        (_LIST, *_PARTS),
        (Node("", "清单流水号", _NUMBER), Node("data", "清单流水号", _NUMBER)),
        settlement_list.upload,
        variants=("4101A",),
        service=_SERVICE,
        moves=True,
    ),
    Transaction(
        "4102",
        "医疗保障基金结算清单状态修改",
        (
            Node(
                "data",
                "状态修改",
                (Field("stastinfo", Kind.OBJECT, "结算清单状态: rows as in the node stastinfo"),),
                required=False,
            ),
            _STATES,
        ),
        (),
        settlement_list.mark(_STATES),
        service=_SERVICE,
        moves=True,
    ),
    Transaction(
        "4103",
        "医疗保障基金结算清单信息查询",
        (
            Node(
                "data",
                "结算清单查询",
                (person_number(), text("setl_id", 30, "结算ID", required=True)),
            ),
        ),
        (
            Node(
                "setlinfo",
                "结算清单信息",
                (text("setl_list_sn", 30, "清单流水号"), *_LIST.fields),
            ),
            *_PARTS,
        ),
        settlement_list.query((_LIST, *_PARTS)),
        service=_SERVICE,
    ),
)
