"""Histories of real servers are linearisable, and histories that are not are found out."""

from pathlib import Path

import pytest
from medsettle.ledger import SqliteLedger, SqliteReader
from medsettle.torture.calls import Refused
from medsettle.torture.history import violations

from tests.cli.commands import serving
from tests.engine.visits import SHAPES
from tests.history.clients import Crowd, model_engine


@pytest.mark.slow
@pytest.mark.parametrize(("clients", "calls"), [(24, 15)])
def test_a_server_is_linearisable(tmp_path: Path, clients: int, calls: int) -> None:
    """Dozens of clients on three persons, over gRPC: every answer fits one order of the ledger."""
    crowd = Crowd(seed=5)
    with serving(tmp_path / "data", SHAPES) as server:
        crowd.run(server.address, clients, calls)
    made = crowd.recorder.calls

    with (
        SqliteReader(tmp_path / "data" / "ledger.db") as reader,
        SqliteLedger(tmp_path / "model.db") as model,
    ):
        assert reader.last_seq() > clients
        assert [] == [str(each) for each in violations(made, reader, model, model_engine)]
    reasons = {each.answer.reason for each in made if isinstance(each.answer, Refused)}
    assert {"REQUEST_ID_REUSED", "ALREADY_CANCELLED"} <= reasons
