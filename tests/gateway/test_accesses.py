"""Who asked the national interface for what is in the log of accesses, and nobody's number."""

import asyncio
from collections.abc import MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

from medsettle.gateway.app import Gateway
from medsettle.gateway.signatures import Signed
from medsettle.identity.access_log import AccessLog, read_accesses

from tests.gateway.till import EMPLOYEE, HOSPITAL, NOW, open_till


async def _unsigned(app: Gateway) -> int:
    """Return the status of a request that nobody signed."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "path": "/", "method": "POST", "headers": []}, receive, send)
    status: int = sent[0]["status"]
    return status


def test_every_request_is_taken_down(tmp_path: Path) -> None:
    """With its transaction, institution and outcome; who was not let in stands there too."""
    folder = tmp_path / "access"
    with (
        closing(AccessLog(folder, lambda: NOW)) as log,
        open_till(tmp_path / "ledger.db") as till,
    ):
        till.dispatch._office.desk.accesses = log
        till.ask("1101", {"data": {"psn_no": EMPLOYEE}})
        till.ask("9999", {})
        app = Gateway(till.dispatch, Signed({}, lambda: NOW), {})
        assert 401 == till.loop.run_until_complete(asyncio.wait_for(_unsigned(app), 10))
    found = [*read_accesses(folder)]
    raw = b"".join(each.read_bytes() for each in folder.iterdir())

    assert ["1101", "unknown", "unknown"] == [each.method for each in found]
    assert ("anybody", "gateway", HOSPITAL) == (
        *(found[0].who, found[0].shown),
        found[0].institution,
    )
    assert ["TRANSACTION_UNKNOWN", "NOT_AUTHENTICATED"] == [each.outcome for each in found[1:]]
    assert EMPLOYEE.encode() not in raw
