"""What tills send to file a referral, a disease or a choice, and to take it back."""

from fixtures import make_directory as invented
from tests.gateway.till import Nodes


def disease_filed(person: str = invented.EMPLOYEE, code: str = "M00101", **more: str) -> Nodes:
    """Return what 2503 files: an approved disease for a year; `more` overrides."""
    said = {
        "psn_no": person,
        "insutype": "310",
        "opsp_dise_code": code,
        "opsp_dise_name": "示例病种",
        "insu_optins": "110000",
        "hosp_ide_date": "2024-05-20",
        "begndate": "2024-06-01",
        "enddate": "2025-05-31",
    }
    return {"data": said | more}


def choice_filed(person: str = invented.EMPLOYEE, **more: str) -> Nodes:
    """Return what 2505 files: the choice of a primary institution, for ever; `more` overrides."""
    said = {
        "psn_no": person,
        "biz_appy_type": "03",
        "begndate": "2024-06-01",
        "enddate": "",
        "fix_srt_no": "1",
        "fixmedins_code": invented.HOSPITAL_PRIMARY,
        "fixmedins_name": "示例社区卫生服务中心",
    }
    return {"data": said | more}


def referral_filed(person: str = invented.EMPLOYEE, **more: str) -> Nodes:
    """Return what 2501 files: a referral to another province for a month; `more` overrides."""
    said = {
        "psn_no": person,
        "insutype": "310",
        "insu_optins": "110000",
        "reflin_medins_no": invented.HOSPITAL_NORTH,
        "reflin_medins_name": "示例北方医院",
        "mdtrtarea_admdvs": "220100",
        "refl_date": "2024-06-02",
        "refl_rea": "示例",
        "refl_opnn": "同意",
        "begndate": "2024-06-02",
        "enddate": "2024-07-01",
    }
    return {"refmedin": said | more}


def number_of(answer: Nodes) -> str:
    """Return the number of a filing from the answer to it."""
    number: str = answer["result"]["trt_dcla_detl_sn"]
    return number


def cancel_of(number: str, person: str = invented.EMPLOYEE) -> Nodes:
    """Return what 2502, 2504 or 2506 say to take a filing back."""
    return {"data": {"trt_dcla_detl_sn": number, "psn_no": person}}
