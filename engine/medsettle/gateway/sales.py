"""The visits of sales: a pharmacy's message makes visit and settlement at once, and tells no more.

So what is known of such a visit is its settlement and the claim behind it.
"""

from collections.abc import Mapping
from typing import Any, Final

from medsettle import errors
from medsettle.core.settlement import Row, Settlement
from medsettle.gateway.encounters import Encounter, Line
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office
from medsettle.gateway.splits import settled_rows
from medsettle.gateway.telling import encounter_of

_SALE: Final = ".sale"
_MIDNIGHT: Final = "T00:00:00+08:00"
_SAID: Final = {
    "feedetl_sn": "line_id",
    "med_list_codg": "item_code",
    "cnt": "quantity_e4",
    "pric": "unit_price_e6",
    "det_item_fee_sumamt": "amount_fen",
    "hosp_appr_flag": "approval",
    "init_feedetl_sn": "original_line",
}


def sale_number(encounter: str) -> str:
    """Return the institution's settlement number of a sale."""
    return f"{encounter}{_SALE}"


def is_sale(settlement: Settlement) -> bool:
    """Return whether something recorded is a sale, and no cancel of one."""
    columns = settlement.columns
    number = str(columns["institution_settlement"] or "")
    return columns["kind"] == "settle" and number.endswith(_SALE)


def sale_of(office: Office, settlement: Settlement) -> Encounter:
    """Return the visit of a sale."""
    claim = office.desk.engine.claim(str(settlement.columns["settlement"]))
    said = [said_of(line) for line in lines_of(claim)]
    split = settled_rows(office, settlement, said)
    facts = {
        "insutype": claim["insurance_type"],
        "med_type": claim["visit_type"],
        "begntime": f"{claim['service_date']}{_MIDNIGHT}",
        "mdtrt_cert_type": claim["credential_type"],
        "dise_codg": claim["disease"],
    }
    return Encounter(
        encounter=encounter_of(settlement),
        institution=str(claim["institution"]),
        pooling_area=str(claim["pooling_area"]),
        person=str(claim["person"]),
        stay=False,
        facts={name: value for name, value in facts.items() if value is not None},
        lines={
            row["feedetl_sn"]: Line(row["feedetl_sn"], "", row, told)
            for row, told in zip(said, split, strict=True)
        },
    )


def sold(office: Office, institution: str, encounter: str) -> Settlement | None:
    """Return the sale that made a visit of an institution, None where none did."""
    # A sale and its visit are made by one message, so they have one id.
    try:
        settlement = office.desk.engine.get(encounter)
    except errors.NotFound:
        return None
    own = settlement.columns["institution"] == institution
    return settlement if own and is_sale(settlement) else None


def lines_of(claim: Row) -> list[Row]:
    """Return the lines of a claim."""
    lines: list[Row] = claim["lines"]  # type: ignore[assignment]
    return lines


def said_of(line: Mapping[str, Any]) -> Values:
    """Return a line of a claim by the fields of the interface, as it was sent."""
    said = {name: line.get(column) for name, column in _SAID.items()}
    return {**said, "fee_ocur_time": f"{line['fee_date']}{_MIDNIGHT}"}
