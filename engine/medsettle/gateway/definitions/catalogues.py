"""Catalogue downloads (1301-1319).

Source: field models of public clients, spec text carried in their comments. Files are texts in a
ZIP archive, a line for each row, fields between TABs, no header, `null` for nothing. Of items their
columns are med_list_codg, name, list_type, med_chrgitm_type, begndate, enddate, ver; of 1307 and
1309 the code or its beginning, the class that a policy puts it in, and the policy. The national
files have some sixty columns of goods and makers that no rule asks for and nobody keeps here.
"""

from typing import Final

from medsettle import limits
from medsettle.core import codes
from medsettle.gateway import cataloguing
from medsettle.gateway.definitions.nodes import flag
from medsettle.gateway.fields import Field, Kind, Node, code, day, text
from medsettle.gateway.transactions import Transaction

_FILES, _PAGES = "catalogdownservice", "catalogqueryservice"

_TITLES: Final = {
    "1301": "西药中成药目录下载",
    "1302": "中药饮片目录下载",
    "1303": "医疗机构制剂目录下载",
    "1305": "医疗服务项目目录下载",
    "1306": "医用耗材目录下载",
    "1307": "疾病与诊断目录下载",
    "1308": "手术操作目录下载",
    "1309": "门诊慢特病种目录下载",
    "1310": "按病种付费病种目录下载",
    "1311": "日间手术治疗病种目录下载",
    "1313": "肿瘤形态学目录下载",
    "1314": "中医疾病目录下载",
    "1315": "中医证候目录下载",
}
_VERSION = Node("data", "目录下载", (text("ver", 20, "版本号: the one the client has"),))
_FILE = Node(
    "",
    "文件",
    (
        text("file_qury_no", 30, "文件查询号, for 9102 with fixmedins_code plc"),
        text("filename", 200, "文件名"),
        Field("data_cnt", Kind.COUNT, "数据量; 0 where there is nothing new to fetch"),
        text("ver", 20, "版本号"),
    ),
)

_CUT = (
    Field("page_num", Kind.COUNT, "当前页数", required=True, least=1, most=9_999),
    Field(
        "page_size",
        Kind.COUNT,
        "本页数据量",
        required=True,
        least=1,
        most=limits.GATEWAY_PAGE_ROWS_MAX,
    ),
)
_COUNTED = Node(
    "",
    "分页",
    (
        Field("recordCounts", Kind.COUNT, "总数据量"),
        Field("pages", Kind.COUNT, "总页数"),
        Field("page_num", Kind.COUNT, "当前页数"),
        Field("page_size", Kind.COUNT, "本页数据量"),
    ),
)
_WANTED = (
    day("query_date", "查询时间点: rows that are valid on it"),
    text("hilist_code", 50, "医保目录编码"),
    code("insu_admdvs", "参保机构医保区划; without it, that of the treatment"),
    day("begndate", "开始日期"),
    flag("vali_flag", "有效标志: 1 not ended today, 0 ended"),
    day("updt_time", "更新时间; no such time is kept, so every row counts as changed"),
)
_ROW = (
    text("hilist_code", 50, "医保目录编码"),
    code("insu_admdvs", "参保机构医保区划"),
    day("begndate", "开始日期"),
    day("enddate", "结束日期, the last day"),
    code("vali_flag", "有效标志", chars=3),
    text("rid", 60, "唯一记录号"),
    code("poolarea_no", "统筹区"),
)
_BAND = Field("pric_above", Kind.PRICE, "单价分段: the row counts for unit prices above")
_KINDS = (
    code("med_chrgitm_type", "医疗收费项目类别"),
    Field("chrgitm_lv", Kind.TEXT, "收费项目等级", chars=3, values=tuple(codes.ITEM_CLASSES)),
    flag("lmt_used_flag", "限制使用标志"),
    Field("list_type", Kind.TEXT, "目录类别", chars=30, values=tuple(codes.LIST_TYPES)),
)


def _wanted(title: str, *fields: Field) -> Node:
    return Node("data", title, (*_WANTED, *fields, *_CUT))


def _rows(title: str, *fields: Field) -> Node:
    return Node("data", title, (*_ROW, *fields), many=True, required=False)


_NAME = text("hilist_name", 200, "医保目录名称")
_CEILING_TYPE = text(
    "hilist_lmtpric_type", 60, "医保目录限价类型: hospital level 1-3, population-level"
)
_CEILING_WAY = text(
    "overlmt_dspo_way", 20, "超限处理方式: over_limit, or own_expense of the whole line"
)
_MEDICAL = text("med_list_codg", 50, "医疗目录编码")
_OWN_CODE = text("medins_list_codg", 150, "医药机构目录编码")
_MAPPINGS = {
    "1316": ("医疗目录与医保目录匹配信息查询", (_MEDICAL, _KINDS[-1])),
    "1317": ("医药机构目录匹配信息查询", (_MEDICAL, _OWN_CODE, _KINDS[-1])),
}
"""Lists of which code stands for which: rules here ask for the national code alone."""

_RATIO_TYPE = text("selfpay_prop_psn_type", 60, "自付比例人员类别: insurance type or population")

TRANSACTIONS = (
    *(
        Transaction(infno, title, (_VERSION,), (_FILE,), cataloguing.announce, service=_FILES)
        for infno, title in _TITLES.items()
    ),
    Transaction(
        "1304",
        "民族药品目录查询",
        (Node("data", "民族药品目录查询", (_MEDICAL, *_CUT)),),
        (Node("data", "民族药品", _ROW, many=True, required=False), _COUNTED),
        cataloguing.page_nothing,
        service=_PAGES,
    ),
    Transaction(
        "1312",
        "医保目录信息查询",
        (_wanted("医保目录信息查询", _NAME, *_KINDS),),
        (_rows("医保目录", _NAME, *_KINDS), _COUNTED),
        cataloguing.page_items,
        service=_PAGES,
    ),
    *(
        Transaction(
            infno,
            title,
            (_wanted(title, *fields),),
            (_rows(title.removesuffix("查询"), *fields), _COUNTED),
            cataloguing.page_nothing,
            service=_PAGES,
        )
        for infno, (title, fields) in _MAPPINGS.items()
    ),
    Transaction(
        "1318",
        "医保目录限价信息查询",
        (_wanted("医保目录限价信息查询", _CEILING_TYPE, _CEILING_WAY),),
        (
            _rows(
                "医保目录限价; an item without a ceiling has no row, a ceiling of 0 pays nothing",
                _CEILING_TYPE,
                _CEILING_WAY,
                Field("hilist_pric_uplmt_amt", Kind.PRICE, "医保目录定价上限金额"),
                _BAND,
            ),
            _COUNTED,
        ),
        cataloguing.page_ceilings,
        service=_PAGES,
    ),
    Transaction(
        "1319",
        "医保目录先自付比例信息查询",
        (_wanted("医保目录先自付比例信息查询", _RATIO_TYPE),),
        (
            _rows(
                "先自付比例",
                _RATIO_TYPE,
                Field("selfpay_prop", Kind.RATIO, "自付比例"),
                _BAND,
            ),
            _COUNTED,
        ),
        cataloguing.page_ratios,
        service=_PAGES,
    ),
)
