"""A pharmacy that sells one thing over HTTP, for tests of a gateway process."""

from collections.abc import Mapping
from typing import Any

from medsettle.conformance.endpoint import Endpoint
from medsettle.conformance.running import Kit

PHARMACY, AREA = "P11000000001", "110000"
RETIRED = "990000000000000002"
ITEM = "XY01AAA001A001010100001"


def kit_at(address: str, **options: Any) -> Kit:  # noqa: ANN401 - fields of Endpoint
    """Return a client of a gateway that has signed in nowhere yet."""
    return Kit(Endpoint(f"http://{address}", **options), {})


def sale(kit: Kit, person: str = RETIRED, *, sign_in: bool = True) -> dict[str, Any]:
    """Return a request that sells one box for 2000.00 yuan on 2024-05-06."""
    request = kit.envelope(PHARMACY, AREA, "2102")
    if sign_in:
        request["sign_no"] = kit.sign_no(PHARMACY, AREA)
    bought = {"fee_ocur_time": "2024-05-06 15:00:00", "med_list_codg": ITEM}
    sold = {
        "psn_no": person,
        "mdtrt_cert_type": "02",
        "begntime": "2024-05-06 15:00:00",
        "medfee_sumamt": "2000.00",
        "insutype": "310",
        "acct_used_flag": "0",
        "med_type": "41",
    }
    line = {"feedetl_sn": "1", "det_item_fee_sumamt": "2000.00", "cnt": "20", "pric": "100"}
    return request | {"input": {"druginfo": sold, "drugdetail": [bought | line]}}


def sold(kit: Kit, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return setlinfo of the answer to a sale, which must have gone through."""
    answer = kit.endpoint.ask("2102", request)
    assert answer["infcode"] == 0, answer["err_msg"]
    settlement: Mapping[str, Any] = answer["output"]["setlinfo"]
    return settlement
