"""Two servers on one ledger: what a settlement is made of cannot change while it is made."""

from collections.abc import Mapping
from typing import Any

import pytest
from medsettle.core.messages import Message, MessageState
from medsettle.engine import Engine
from medsettle.errors import LedgerUnavailable
from medsettle.gateway import settling
from medsettle.ledger import postgres_connection
from medsettle.ledger.opening import open_ledger
from medsettle.rule_cache import rule_book

from tests.gateway.bills import PLAIN, line, registered, to_settle
from tests.gateway.till import AREA, EMPLOYEE, HOSPITAL, NOW, RULES, open_till
from tests.stores import postgres


def test_nobody_withdraws_what_another_server_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message about the visit waits for the settlement, and is decided by it."""
    place = postgres().new_ledger()
    with open_till(place) as till:
        monkeypatch.setitem(postgres_connection._SETTINGS, "lock_timeout", "50")
        # Of its own connection, as of another process.
        beside = open_ledger(place)
        other = Engine(rule_book(RULES), beside, lambda: NOW)
        visit = registered(till)
        till.done("2204", {"feedetail": [line(visit, "1", PLAIN, "3000.00", chrg_bchno="B1")]})

        def withdrawn(number: int) -> MessageState:
            content = {"data": {"mdtrt_id": visit, "psn_no": EMPLOYEE, "chrg_bchno": "0000"}}
            msgid = f"{HOSPITAL}20240603{number:010d}"
            message = Message(HOSPITAL, msgid, AREA, EMPLOYEE, "2205", visit, content)

            def decide() -> Mapping[str, object]:
                standing = other.attempts.of(HOSPITAL, settled["stem"])
                return {"withdrawn": [] if standing else ["1"]}

            return other.messages.record(message, decide)

        settled: dict[str, Any] = {}
        checked = settling.checked

        def meanwhile(*args: Any) -> Any:  # noqa: ANN401 - whatever `checked` takes
            claims = args[2]
            settled["stem"] = claims.rows[0]["institution_settlement"].rpartition(".")[0]
            with pytest.raises(LedgerUnavailable, match="nothing was recorded"):
                withdrawn(1)
            return checked(*args)

        monkeypatch.setattr(settling, "checked", meanwhile)
        said = to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="3000.00")
        told = till.done("2207", {"data": said})["setlinfo"]
        assert told["medfee_sumamt"] == 3000
        assert settled["stem"]
        assert withdrawn(2).answer == {"withdrawn": []}
        beside.close()
