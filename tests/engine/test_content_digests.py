"""What a repeated request is known by: the same whichever way it came, and in every release."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from medsettle.cli.files import read_claims
from medsettle.client.claims import claim_message
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.core.relatives import InsuranceNotice
from medsettle.core.settlement import Opening, Row
from medsettle.engine import Engine
from medsettle.engine.requests import claim_digest, content_digest
from medsettle.service.wire import batch_of
from medsettle.v1 import settlement_service_pb2 as settlements

from tests.engine.engines import engine_on, id_of, settled
from tests.engine.relatives import dissolved, granted, lowered, opened, person, visit
from tests.engine.visits import AREA as VISITS_AREA
from tests.engine.visits import SHAPES, injury_stay, issue_card, recognition, register
from tests.engine.visits import settle as settle_visit
from tests.service.claims import INSTITUTION, claim, line

# Ledgers hold digests of these requests for good. A release that computes another one refuses as
# reused whatever is sent again to a ledger of the release before, so none of these may ever change.
_PINNED: Final = {
    "opening O-999921-G1-10000": "4bd83b7f943848912c239ba1aaa4abf3349d03fda9403b89e77fcca5ce2750ba",
    "opening O2": "37fbd85d1d851d9b20753938ab90ad8f2af896c6a059c2e7f0a81cd56e533b85",
    "relation GRANT": "8f3a5300b2ae443791bfe91f7d137ab3dee28a09cacd3fdef4854b99b1218923",
    "relation LOWER": "7c0a4cc05fa28e54689bf92e35a11e2fba0cf70191313f12713e6351747ef592",
    "relation DISSOLVE": "d519fb26a710a0e710797f9d34f5625160d5d9d2bc365efed018d7a24658b14d",
    "relation END": "67adaf8ac7720f37c92e0ede8496daf9a1c365e0664b8a6d117e6ac6970eab90",
    "relation BEGIN": "6532546f319e119092f6412569836674583325ffb86bd36f9568aa6e2a1bd9c9",
    "settle R1": "71ba0e02bbc5f13599fedffb2d701cd0450a5b5fd4555679b4f2d7911ba56b48",
    "cancel CANCEL": "1cafc42b65b81ebe39a84b42f30f225407b20e2f311e365cbb6fa2252eef7b03",
    "settle R2": "2213a8d53522267f07b0b9e892d4055efbdad50b70a99fd06d23d94e25dc7ccc",
    "cancel REVERSAL": "b6899b71dbc9712678a11b30890240c165b396d35487fb76f1fefbc13474c93f",
    "tombstone R3": "0234f1bdc25371030834df39ca230f2b4078b81e8086f2b0c55fb808b637e849",
    "card I-C1": "7df931a6dc8008d3162c872c9d02c705c3a9f4fd231c119024ee8dfa7283603c",
    "card A-C1": "5305223f3684fd6e6b7c34fdc789ba27df544a79e7e0fe1bdee375af02cc651b",
    "registration P1-recognition/R-1-None": (
        "bef626f61e32ba8051aa12cb5d0e7099ec6aae8a2af26b1d9884e71a233ca25d"
    ),
    "visit V1": "b4c57d3d2a23a4c53b8297f4199b7060f8c0ef76d101320928be46b3201cc9e3",
    "settle V1.1": "234bfff97cf9113a6dd551bb6589edc4a5c7907e10810da74409101fddc8042d",
    "settle V1.2": "6b422f6a7bc6ac700d015a3bff9573173e63af5ff30bf215b46d6af6289726ab",
    "visit_cancel TAKEN-BACK": "3169cd6ba38706315a6c36d98fd588e94b3753f13ba2755d98dff77b03934022",
    "cancel TAKEN-BACK.2": "b60fbe207f8525fe9930a130851b505194e952d39586192c5e30b48de4ee8b07",
    "cancel TAKEN-BACK.1": "764cddcca72f992dec0bb03a88bd7702261029362e7a2ad1a89b943563de8a91",
}


def _make_requests(engine: Engine) -> None:
    """Make requests of every kind whose content is digested."""
    opened(engine, "G1", 10_000)
    brought = (("310.admissions", 2024, 1),)
    engine.open_person(Opening(INSTITUTION, "O2", VISITS_AREA, "P9", 0, brought))
    granted(engine, "G1", "R1", 2_000, "GRANT")
    lowered(engine, "G1", "R1", 500, "LOWER")
    dissolved(engine, "G1", "R1", "DISSOLVE")
    engine.relatives.end_insurance(InsuranceNotice(INSTITUTION, "END", person("G1")))
    engine.relatives.begin_insurance(InsuranceNotice(INSTITUTION, "BEGIN", person("G1")))
    first = settled(engine, visit(1, "P2", 300_000))
    engine.cancel(INSTITUTION, "CANCEL", id_of(first))
    settled(engine, visit(2, "P2", 300_000))
    engine.reverse(INSTITUTION, "R2", "REVERSAL")
    engine.reverse(INSTITUTION, "R3", "EARLY")
    issue_card(engine, "C1", "P1")
    register(engine, recognition())
    whole = settle_visit(engine, injury_stay())
    engine.visits.cancel("H1", "TAKEN-BACK", str(whole.visit))


def test_digests_are_those_of_every_release(tmp_path: Path) -> None:
    """One request of each kind is recorded under the digest that it always had."""
    with engine_on(tmp_path, SHAPES) as engine:
        _make_requests(engine)
        entries = engine.ledger.page(after_seq=0, limit=1_000)

    found = {f"{entry.kind} {entry.request_id}": entry.content_digest.hex() for entry in entries}
    assert _PINNED == found


@pytest.mark.parametrize("absent", [None, [], ()])
def test_a_column_that_is_added_later_changes_no_digest(absent: object) -> None:
    """Whether it is missing or stated as nothing, in a claim or in a line, which has no lists."""
    row = claim(1)
    more = row | {"new": absent, "lines": [line | {"new": None} for line in row["lines"]]}

    assert claim_digest("settle", row) == claim_digest("settle", more)


@pytest.mark.parametrize("stated", [0, False, "", "A", {}, [None]])
def test_what_is_stated_is_content(stated: object) -> None:
    """Zero days are no days that nobody counted, and places in a list count."""
    row = claim(1)

    assert content_digest("other", row) != content_digest("other", row | {"new": stated})


def _whole_claim() -> dict[str, Any]:
    """Return a claim that states values of every kind of column, some of them nothing."""
    return claim(
        1,
        benefit_groups=["B2", "B1"],
        stay_days=0,
        diagnosis="E11.9",
        approved_diseases=[],
        credential_type="03",
        card="C1",
        credential_time=datetime(2024, 5, 1, 2, 30, 0, 123_000, UTC),
        lines=[line(50_000), line(10_000, line_id="2") | {"diagnosis": "I10", "approval": "1"}],
    )


def _digest(row: Row) -> bytes:
    batch = ClaimBatch.from_rows([row])
    assert {} == batch.rejections
    return claim_digest("settle", batch.rows[0])


def test_a_claim_is_the_same_by_arrow_protobuf_and_json(tmp_path: Path) -> None:
    """The moment is stated in another zone, and nothing as a null, as "", or not at all."""
    row = _whole_claim()
    message = claim_message(row)
    table = claims_table([row])
    text = row | {"credential_time": "2024-05-01T10:30:00.123+08:00", "encounter": ""}
    for name in ("claim.json", "claim.jsonl"):
        (tmp_path / name).write_bytes(orjson.dumps(text))

    arrow = ClaimBatch.from_arrow(table)
    sent = settlements.Claim.FromString(message.SerializeToString())
    found = {
        "rows": _digest(row),
        "protobuf": claim_digest("settle", batch_of([sent]).rows[0]),
        "arrow": claim_digest("settle", arrow.rows[0]),
        "json": _digest(read_claims(tmp_path / "claim.json")[0]),
        "jsonl": _digest(read_claims(tmp_path / "claim.jsonl")[0]),
    }
    assert {found["rows"]} == set(found.values()), found
