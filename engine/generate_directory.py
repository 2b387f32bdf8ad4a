"""Write `engine/directory.md`, the page of the files of a directory, from their cells.

`make schema` runs it; `make drift` and a test compare the page with what it would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle.gateway.directory_cells import FILES, KEYS, OPTIONAL_FILES, Cell

_INTRODUCTION: Final = """\
# The files of a directory

Written by `make schema` from `engine/medsettle/gateway/directory_cells.py`; change that file, not
this page.

What the bureau knows about institutions and persons, for `medsettle gateway --directory FOLDER`.
Each file is `NAME.csv` (UTF-8, a header with the names below in any order, `#` lines at the top are
comments) or `NAME.parquet` of texts, dates, whole numbers and decimals, never floats. A blank cell
says nothing. All faults of a reading come together, with file and line; a faulty reading changes
nothing. `SIGHUP` reads changed files again. `fixtures/directory` is an invented example.
"""

_ABOUT: Final[dict[str, str]] = {
    "institutions": "One row a hospital or pharmacy.",
    "persons": "One row a person.",
    "enrolments": (
        "One row an insurance of a person in an area, from its first day on. Of several rows of an "
        "insurance and area, the last one that has begun counts."
    ),
    "identities": "One row an entitlement of a person, from its first to its last day.",
    "credentials": (
        "One row a card or token. Identity numbers are those of `persons`, and need no row here."
    ),
    "filings": "One row a filing that the bureau made itself, or before this engine.",
    "filing_effects": (
        "What a filing that covers a visit states in its claim, in the words of the area's rules. "
        "Of rows for one column the first that applies counts; benefit groups add up."
    ),
}

_MEANINGS: Final[dict[str, str]] = {
    "fixmedins_code": "定点医药机构编号",
    "fixmedins_name": "定点医药机构名称",
    "fixmedins_type": "定点医疗服务机构类型: 1 hospital, 2 pharmacy",
    "admdvs": "所属医保区划",
    "hosp_lv": "医院等级, by the dictionary of the area's rules",
    "institution_kind": "what rules of the area ask for as `institution_kind`; most have none",
    "uscc": "统一社会信用代码",
    "psn_no": "人员编号: a token, never an identity number",
    "psn_cert_type": "人员证件类型, 01 identity card",
    "certno": "证件号码",
    "psn_name": "人员姓名",
    "gend": "性别",
    "naty": "民族",
    "brdy": "出生日期",
    "insutype": "险种类型; blank, every one",
    "insuplc_admdvs": "参保地医保区划: the pooling area",
    "psn_type": "人员类别",
    "psn_insu_stas": "人员参保状态: 1 insured, 2 paused, 4 ended",
    "psn_insu_date": "个人参保日期: the first day",
    "paus_insu_date": "暂停或终止参保日期: the first day without insurance",
    "cvlserv_flag": "公务员标志",
    "emp_name": "单位名称",
    "enrolment_years": "连续参保年限, full years as the bureau counts them",
    "claim_free_years": "零报销年限, full years in a row",
    "benefit_start_date": "待遇享受开始日期",
    "retirement_date": "退休日期",
    "wage_base_yuan": "月缴费基数",
    "psn_idet_type": "人员身份: the benefit group as rules of the area call it",
    "begntime": "开始日期, included",
    "endtime": "结束日期, included",
    "psn_type_lv": "人员类别等级",
    "memo": "备注",
    "mdtrt_cert_type": "就诊凭证类型: 01 token, 03 social security card, or another",
    "mdtrt_cert_no": "就诊凭证编号",
    "card_sn": "卡识别码",
    "expi_time": "失效时间: from then on it has expired",
    "trt_dcla_detl_sn": "待遇申报明细流水号",
    "infno": "2501 referral, 2503 chronic disease, 2505 chosen institution; blank, nothing filed",
    "begndate": "开始日期, included",
    "enddate": "结束日期, included; blank, for ever",
    "opsp_dise_code": "门慢门特病种目录代码",
    "opsp_dise_name": "门慢门特病种名称",
    "biz_appy_type": "业务申请类型: 01 chronic disease, 03 institution, 08 living elsewhere",
    "reflin_medins_no": "转往定点医药机构编号; blank, any in the area of treatment",
    "mdtrtarea_admvs": "就医地医保区划",
    "place": "where the institution is, as seen from the insured area; blank, anywhere",
    "column": "column of the claim",
    "value": "what it states there",
}


def page() -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION, *_files()])


def _files() -> Iterator[str]:
    for name, cells in FILES.items():
        optional = ", may be missing" if name in OPTIONAL_FILES else ""
        yield f"## {name}{optional}\n"
        yield f"{_ABOUT[name]} {_keys(name, cells)}\n"
        yield "| column | | holds | meaning |"
        yield "|---|---|---|---|"
        for cell in cells:
            needed = "" if cell.required else "may be blank"
            yield f"| `{cell.name}` | {needed} | {cell.expected} | {_MEANINGS[cell.name]} |"
        yield ""


def _keys(name: str, cells: tuple[Cell, ...]) -> str:
    names = {cell.field: f"`{cell.name}`" for cell in cells}
    keys = [", ".join(names[field] for field in key) for key in KEYS[name]]
    return f"No two rows agree in {'; nor in '.join(keys)}."


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
