"""Histories of real servers are linearisable, whatever store they keep."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from medsettle.books.conservation import discrepancies
from medsettle.books.resettling import Resettling
from medsettle.ledger import SqliteLedger
from medsettle.ledger.opening import LedgerPlace, is_shared, open_ledger, open_reader
from medsettle.torture.calls import Refused
from medsettle.torture.history import violations

from tests.cli.commands import serving
from tests.engine.engines import rule_book
from tests.engine.visits import SHAPES
from tests.history.clients import Crowd, model_engine

_CLIENTS = 24


@pytest.mark.slow
def test_servers_are_linearisable(
    tmp_path: Path, place: LedgerPlace, pytestconfig: pytest.Config
) -> None:
    """Dozens of clients on three persons, over gRPC: every answer fits one order of the ledger.

    Its books add up afterwards, and every settlement comes out again. A ledger that servers share
    has two of them, and each client talks to one.
    """
    calls: int = pytestconfig.getoption("--history-calls")
    crowd = Crowd(seed=5)
    open_ledger(place).close()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                serving(tmp_path / f"data-{number}", SHAPES, ["--ledger", str(place)])
            )
            for number in range(1 + is_shared(place))
        ]
        crowd.run([each.address for each in servers], _CLIENTS, calls)
    made = crowd.recorder.calls

    with open_reader(place) as reader, SqliteLedger(tmp_path / "model.db") as model:
        assert reader.last_seq() > _CLIENTS
        assert [] == [str(each) for each in violations(made, reader, model, model_engine)]
        assert [] == [str(each) for each in discrepancies(reader)]
        assert [] == [str(each) for each in Resettling(reader, rule_book(SHAPES)).discrepancies()]
    reasons = {each.answer.reason for each in made if isinstance(each.answer, Refused)}
    assert reasons
