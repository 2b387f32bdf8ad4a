"""The code tables that are known here (1901)."""

from typing import Any, Final

from medsettle.core import code_words, codes
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.office import Office
from medsettle.gateway.transactions import Answer, Asked

_FUNDS: Final = {
    payer.fund_pay_type: payer.chinese for payer in codes.PAYERS if payer.name != "mutual_aid"
}
"""The money of relatives has the fund code of the account, which says so first."""

DICTIONARIES: Final[dict[str, dict[str, str]]] = {
    "insutype": code_words.INSURANCE_TYPE_WORDS,
    "med_type": code_words.VISIT_TYPE_WORDS,
    "psn_type": {code: words[1] for code, words in code_words.PERSON_TYPE_WORDS.items()},
    "hosp_lv": {code: words[1] for code, words in code_words.HOSPITAL_LEVEL_WORDS.items()},
    "chrgitm_lv": code_words.ITEM_CLASS_WORDS,
    "hosp_appr_flag": code_words.APPROVAL_WORDS,
    "list_type": code_words.LIST_TYPE_WORDS,
    "fund_pay_type": _FUNDS,
    "gend": code_words.GENDER_WORDS,
    "mdtrt_cert_type": code_words.CREDENTIAL_TYPE_WORDS,
    "psn_insu_stas": code_words.ENROLMENT_STATE_WORDS,
    "fixmedins_type": code_words.INSTITUTION_TYPE_WORDS,
}
"""Field -> code -> Chinese word."""


async def tell_dictionary(_office: Office, asked: Asked) -> Answer:
    """Return the codes of one table (1901)."""
    said = asked.input["data"]
    # Platforms name their dictionaries in capitals, fields are written small.
    name = said["type"].lower()
    if name not in DICTIONARIES:
        known = ", ".join(DICTIONARIES)
        raise InvalidRequest([Fault("data.type", f"{said['type']!r} is no table here; {known}")])
    parent = said["parentValue"]
    rows: list[dict[str, Any]] = [
        {
            "type": said["type"],
            "label": label,
            "value": code,
            "parentValue": _parent(name, code),
            "sort": number,
            "valiFlag": "1",
        }
        for number, (code, label) in enumerate(DICTIONARIES[name].items(), start=1)
        if parent in {None, _parent(name, code)}
    ]
    # What is loaded here is valid; of what was so before nothing is kept.
    return Answer({"list": rows if said["valiFlag"] in {None, "1"} else []})


def _parent(name: str, code: str) -> str | None:
    """Return the code above another one; kinds of person have two levels, the others one."""
    return code[:2] if name == "psn_type" and len(code) > 2 else None
