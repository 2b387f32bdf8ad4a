"""Bodies that are too long, too slow or too many, and answers that say all that is wrong."""

import asyncio
from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

import orjson
import pytest
from medsettle import limits
from medsettle.gateway.app import Gateway
from medsettle.gateway.signatures import Unsigned

from tests.gateway.till import EMPLOYEE, Till

_OWN, _FILE = limits.GATEWAY_BYTES_MAX, limits.GATEWAY_FILE_REQUEST_BYTES_MAX
_HEAD = limits.GATEWAY_HEAD_BYTES


class _Sent(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: Any


async def _posted(
    app: Gateway,
    path: str,
    parts: Iterator[bytes | None],
    waiting: asyncio.Event | None = None,
) -> _Sent:
    """Return what is answered to a body of parts; None in place of one is never there.

    Who waits for such a one sets `waiting`.
    """
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        part = next(parts, b"")
        if part is None:
            if waiting is not None:
                waiting.set()
            await asyncio.Event().wait()
        return {"type": "http.request", "body": part, "more_body": bool(part)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "path": path, "method": "POST", "headers": []}, receive, send)
    body = orjson.loads(sent[1]["body"])
    return _Sent(sent[0]["status"], dict(sent[0]["headers"]), body)


def _post(till: Till, path: str, *parts: bytes | None) -> _Sent:
    app = Gateway(till.dispatch, Unsigned(), {})
    return till.loop.run_until_complete(asyncio.wait_for(_posted(app, path, iter(parts)), 20))


def _named(infno: str, size: int, before: int = 0) -> bytes:
    """Return a body of a size that names a transaction after some bytes."""
    return (b"{" + b" " * before + f'"infno": "{infno}",'.encode()).ljust(size, b" ")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/2204", b" " * _OWN, 200, id="most"),
        pytest.param("/2204", b" " * (_OWN + 1), 413, id="one-more"),
        pytest.param("/9101", b" " * _FILE, 200, id="a-file"),
        pytest.param("/9101", b" " * (_FILE + 1), 413, id="a-file-and-one"),
        pytest.param("/", _named("2204", _OWN), 200, id="named"),
        pytest.param("/", _named("2204", _OWN + 1), 413, id="named-and-one"),
        pytest.param("/", _named("9101", _FILE), 200, id="file-named"),
        pytest.param("/", _named("9101", _FILE + 1), 413, id="file-named-and-one"),
        # After the brace the name of the transaction and its comma have 16 characters.
        pytest.param("/", _named("9101", _OWN + 1, _HEAD - 17), 200, id="named-in-the-head"),
        pytest.param("/", _named("9101", _OWN + 1, _HEAD - 16), 413, id="named-behind-it"),
        pytest.param("/2204", _named("9101", _OWN + 1), 413, id="named-otherwise"),
    ],
)
def test_a_body_has_the_bytes_of_its_transaction(
    reading: Till, path: str, body: bytes, status: int
) -> None:
    """Only a file is long, whether it comes in one part or in several."""
    halves = body[: len(body) // 2], body[len(body) // 2 :]
    for parts in ((body,), halves):
        sent = _post(reading, path, *parts)
        assert status == sent.status
    if status == 200:
        assert sent.body["err_msg"].startswith("[INVALID_REQUEST]")
    else:
        assert "bytes" in sent.body["message"]
        assert sent.headers[b"connection"] == b"close"


def test_a_body_that_does_not_come_is_not_waited_for(
    reading: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time for it the caller is told that nothing was done."""
    monkeypatch.setattr(limits, "GATEWAY_BODY_SECONDS_MAX", 0.0)
    sent = _post(reading, "/2204", b"{", None)

    assert 408 == sent.status
    assert "nothing was done" in sent.body["message"]
    assert sent.headers[b"connection"] == b"close"


def test_no_more_requests_are_open_than_may_be(
    reading: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the bound one is answered -1 unread; when another is done there is room again."""
    monkeypatch.setattr(limits, "GATEWAY_REQUESTS_OPEN_MAX", 2)
    app = Gateway(reading.dispatch, Unsigned(), {})

    async def asked() -> tuple[_Sent, _Sent, _Sent]:
        both = [asyncio.Event(), asyncio.Event()]
        first, second = (
            asyncio.create_task(_posted(app, "/2204", iter([b"{", None]), each)) for each in both
        )
        for each in both:
            await each.wait()
        third = await _posted(app, "/2204", iter([b"{}"]))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        fourth = await _posted(app, "/2204", iter([b"{}"]))
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        return third, fourth, await _posted(app, "/2204", iter([b"{}"]))

    full, free, idle = reading.loop.run_until_complete(asked())
    assert (200, -1) == (full.status, full.body["infcode"])
    assert full.body["err_msg"].startswith("[OVERLOADED]")
    assert full.body["output"] is None
    for sent in (free, idle):
        assert sent.body["err_msg"].startswith("[INVALID_REQUEST]")


# --- what is wrong, whole -----------------------------------------------------------------------


def test_every_fault_is_told_beside_the_text(reading: Till) -> None:
    """Of a hundred lines without anything each fault has its path; err_msg holds the first."""
    answer = reading.ask("2204", {"feedetail": [{"feedetl_sn": str(n)} for n in range(100)]})
    paths = [each["path"] for each in answer["err_detail"]]

    assert len(answer["err_msg"]) <= limits.GATEWAY_ERROR_CHARS_MAX
    assert paths[0] in answer["err_msg"]
    assert {f"feedetail[{n}].med_list_codg" for n in range(100)} <= set(paths)
    assert all(each["message"] for each in answer["err_detail"])


def test_a_refusal_is_told_whole_in_english(reading: Till) -> None:
    """The sentence that err_msg may cut, without the code and the Chinese in front."""
    answer = reading.ask("5203", {"data": {"psn_no": EMPLOYEE, "setl_id": "S1"}})

    assert answer["err_detail"].isascii()
    assert "S1" in answer["err_detail"]
    assert answer["err_msg"].endswith(answer["err_detail"])
    assert reading.ask("5206", {"data": {"psn_no": EMPLOYEE}})["err_detail"] is None
