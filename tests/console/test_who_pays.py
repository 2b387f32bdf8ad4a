"""The tiles of who pays: together they are the bill, also where a hospital bears a part of it."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from medsettle.cli.local_desk import engine_at
from medsettle.console.today_counts import counts_of
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.identity.roles import Role

from tests.cli.commands import ROOT
from tests.console.conftest import Day, looking_at

if TYPE_CHECKING:
    from django.test import Client

_AREA = "999913"
_CARD = re.compile(r'<p class="of">([^<]*)</p><p class="value">(?:<a [^>]*>)?([^<]*)')
_DELIVERY = {
    "request_id": "R-1",
    "person": "MOTHER",
    "institution": "H1",
    "pooling_area": _AREA,
    "insurance_type": "390",
    "visit_type": "52",
    "person_type": "1501",
    "institution_level": "02",
    "birth_date": "1992-05-01",
    "admission_date": "2024-03-10",
    "service_date": "2024-03-10",
    "account_used": True,
    "delivery": "2",
    "children": 1,
    "lines": [
        {
            "line_id": "1",
            "item_code": "009902000001000990200000100",
            "fee_date": "2024-03-10",
            "quantity_e4": 10_000,
            "unit_price_e6": 6_000_000_000,
            "amount_fen": 600_000,
        }
    ],
}
"""A delivery in a package of 5,000 yuan, of which 300 are the mother's own."""


def test_the_part_of_the_hospital_has_its_tile(
    client_as: "Callable[..., Client]", day: Day, tmp_path: Path
) -> None:
    """Of 6,000.00 the fund pays 5,000.00, the hospital bears 700.00, and 300.00 is cash."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "fixtures" / "policies" / "shapes" / _AREA, rules / _AREA)
    with engine_at(tmp_path / "data", rules) as engine:
        (settled,) = engine.settle(ClaimBatch.from_rows([_DELIVERY]))
    assert isinstance(settled, Settlement), settled
    client = client_as(Role.AUDITOR)
    place = replace(day.place(tmp_path / "data"), rules=rules)
    with looking_at(place) as holdings:
        client.get("/today/")
        holdings.kept(counts_of).wait()
        today = client.get("/today/day").content.decode()
        page = client.get(f"/settlements/{settled.columns['settlement']}").content.decode()

    pays = {"funds": "5,000.00", "institution share": "700.00", "accounts": "0.00"}
    pays["cash"] = "300.00"
    for content, bill in ((today, "bills"), (page, "bill")):
        cards = dict(_CARD.findall(content))
        assert "6,000.00" == cards[bill]
        assert pays == {name: cards.get(name) for name in pays}


def test_a_hospital_that_bears_nothing_has_no_tile(
    client_as: "Callable[..., Client]", day: Day
) -> None:
    """As on most days."""
    settlement = day.settled[0].columns["settlement"]
    page = client_as(Role.AUDITOR).get(f"/settlements/{settlement}").content.decode()

    assert "institution share" not in page
