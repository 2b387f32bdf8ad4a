"""Reconciliation with the bureau: sums (3201) and single settlements (3202).

Source: field models of public clients, spec text carried in their comments.
"""

from medsettle.gateway import reconciling
from medsettle.gateway.fields import Field, Kind, Node, code, day, money, text
from medsettle.gateway.transactions import Transaction

_SERVICE = "ybSettlementStmtService"

_OFFICE = code("setl_optins", "结算经办机构, clr_optins of the settlements", required=True)
_DAYS = (
    day("stmt_begndate", "对账开始日期, by the day of settling", required=True),
    day("stmt_enddate", "对账结束日期, counted in", required=True),
)
_SUMS = (
    money("medfee_sumamt", "医疗费总额, refunds negative", required=True),
    money("fund_pay_sumamt", "基金支付总额", required=True),
)
_COUNT = Field(
    "fixmedins_setl_cnt",
    Kind.COUNT,
    "定点医药机构结算笔数, less the refunds or with them",
    required=True,
)
_REFUNDS = code("refd_setl_flag", "退费结算标志: 0 without refunds, else with them")
_KIND = code("clr_type", "清算类别: 11 outpatient, 21 inpatient, 41 pharmacy", required=True)

TRANSACTIONS = (
    Transaction(
        "3201",
        "医药机构费用结算对总账",
        (
            Node(
                "data",
                "对总账",
                (
                    code("insutype", "险种类型", required=True),
                    _KIND,
                    _OFFICE,
                    *_DAYS,
                    *_SUMS,
                    money("acct_pay", "个人账户支付金额"),
                    _COUNT,
                    _REFUNDS,
                ),
            ),
        ),
        (
            Node(
                "stmtinfo",
                "对账结果",
                (
                    code("setl_optins", "结算经办机构"),
                    code("stmt_rslt", "对账结果"),
                    text("stmt_rslt_dscr", 200, "对账结果说明"),
                ),
            ),
        ),
        reconciling.total,
        service=_SERVICE,
    ),
    Transaction(
        "3202",
        "医药机构费用结算对明细账",
        (
            Node(
                "data",
                "对明细账",
                (
                    _OFFICE,
                    text("file_qury_no", 30, "文件查询号 of the file sent by 9101", required=True),
                    *_DAYS,
                    *_SUMS,
                    money("cash_payamt", "现金支付金额"),
                    _COUNT,
                    _KIND,
                    code("insutype", "险种类型; empty, all of them"),
                    _REFUNDS,
                ),
            ),
        ),
        (
            Node(
                "fileinfo",
                "对账结果文件, a ZIP with result.txt",
                (
                    text("file_qury_no", 30, "文件查询号"),
                    text("filename", 200, "文件名称"),
                    Field("dld_endtime", Kind.MOMENT, "下载截止时间"),
                ),
            ),
        ),
        reconciling.detail,
        service=_SERVICE,
        moves=True,
    ),
)
