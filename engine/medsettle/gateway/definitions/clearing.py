"""Clearing: a month applied for and withdrawn, and settlements of persons insured elsewhere.

Source: field models of public clients, spec text carried in their comments.
"""

from medsettle import limits
from medsettle.gateway import clearing, trans_regional
from medsettle.gateway.fields import Field, Kind, Node, code, day, moment, money, text
from medsettle.gateway.transactions import Transaction

_SERVICE = "ybClearingService"
_AWAY = "ybRemoteClearingService"

_YEAR_FIRST, _YEAR_LAST = 2_000, 2_999

_MONTH = (
    Field("trt_year", Kind.COUNT, "结算年度", required=True, least=_YEAR_FIRST, most=_YEAR_LAST),
    Field("trt_month", Kind.COUNT, "结算月份", required=True, least=1, most=12),
)
_IDENTIFIED = (
    text("certno", 50, "证件号码", required=True),
    text("mdtrt_id", 30, "就诊登记号", required=True),
    moment("mdtrt_setl_time", "就诊结算时间", required=True),
    text("setl_sn", 30, "结算流水号, setl_id", required=True),
)
_SUMS = (
    money("medfee_sumamt", "总费用", required=True),
    money("optins_pay_sumamt", "经办机构支付总额, fund_pay_sumamt", required=True),
)

TRANSACTIONS = (
    Transaction(
        "3203",
        "清算申请",
        (
            Node(
                "data",
                "清算申请",
                (
                    code("clr_type", "清算类别", required=True),
                    code("clr_way", "清算方式", required=True),
                    code("setlym", "清算年月 yyyyMM", required=True),
                    Field("psntime", Kind.COUNT, "清算人次", required=True, least=0),
                    money("medfee_sumamt", "医疗费总额", required=True),
                    money("med_sumfee", "医保认可费用总额", required=True),
                    money("fund_appy_sum", "基金申报总额", required=True),
                    money("cash_payamt", "现金支付金额", required=True),
                    money("acct_pay", "个人账户支出", required=True),
                    day("begndate", "开始日期", required=True),
                    day("enddate", "结束日期", required=True),
                    code("clr_optins", "清算机构; empty, one application for all"),
                ),
            ),
        ),
        (Node("result", "清算申请", (text("clr_appy_evt_id", 30, "机构清算申请事件ID"),)),),
        clearing.apply,
        variants=("3203A",),
        service=_SERVICE,
        moves=True,
    ),
    Transaction(
        "3204",
        "清算申请撤销",
        (
            Node(
                "data",
                "清算申请撤销",
                (text("clr_appy_evt_id", 30, "机构清算申请事件ID", required=True),),
            ),
        ),
        (),
        clearing.withdraw,
        variants=("3204A",),
        service=_SERVICE,
        moves=True,
    ),
    Transaction(
        "3260",
        "提取异地清分明细",
        (
            Node(
                "data",
                "异地清分明细",
                (
                    *_MONTH,
                    Field("startrow", Kind.COUNT, "开始行数, from 1", required=True, least=1),
                ),
            ),
        ),
        (
            Node(
                "data",
                "异地清分明细",
                (
                    text("seqno", 20, "顺序号"),
                    code("mdtrtarea", "就医地医保区划"),
                    text("medins_no", 22, "医疗机构编号"),
                    *_IDENTIFIED,
                    code("fulamt_advpay_flag", "全额垫付标志: 0 settled at the institution"),
                    *_SUMS,
                ),
                many=True,
            ),
        ),
        trans_regional.fetch,
        service=_AWAY,
    ),
    Transaction(
        "3261",
        "异地清分结果确认",
        (
            Node(
                "data",
                "异地清分结果确认",
                (*_MONTH, Field("totalrow", Kind.COUNT, "总行数", least=0)),
            ),
            Node(
                "detail",
                "确认明细",
                (
                    *_IDENTIFIED,
                    *_SUMS,
                    code(
                        "cnfm_flag",
                        "确认标志: 1 cleared with this month, 0 not",
                        values=("0", "1"),
                    ),
                ),
                many=True,
                most=limits.TRANS_REGIONAL_ROWS_MAX,
            ),
        ),
        (),
        trans_regional.confirm,
        service=_AWAY,
        moves=True,
    ),
    Transaction(
        "3262",
        "异地清分结果确认回退",
        (
            Node(
                "data",
                "异地清分结果确认回退",
                (*_MONTH, text("otransid", 30, "msgid of 3261; 0 all of the month", required=True)),
            ),
        ),
        (),
        trans_regional.undo,
        service=_AWAY,
        moves=True,
    ),
)
