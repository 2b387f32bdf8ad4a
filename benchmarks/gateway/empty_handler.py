"""What the HTTP server costs alone: reads each body, and answers as long as the gateway did.

The answers are those that a gateway gave, a file of JSON with one by the path of the request. It is
served with the gateway's own settings. With `--keep FILE` it reads the JSON of each body too, and
keeps what tells something before it answers (`benchmarks.gateway.keeping`).

    python -m benchmarks.gateway.empty_handler --answers answers.json
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from medsettle.service.http_server import HttpServer

from benchmarks.gateway.keeping import Keeping


class Empty:
    """An ASGI application that answers what it was given."""

    def __init__(self, answers: dict[str, str], keeping: Keeping | None = None) -> None:
        self._answers = {path: answer.encode() for path, answer in answers.items()}
        self._keeping = keeping

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read a request to its end, and answer."""
        more, parts = True, []
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        if self._keeping is not None:
            await self._keeping.take(scope["path"][1:], b"".join(parts))
        body = self._answers[scope["path"]]
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _serve(app: Any) -> None:
    server = HttpServer(app, "127.0.0.1:0")
    server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(json.dumps({"serving": server.address}), flush=True)
    await stopped.wait()
    await server.stop()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--answers", type=Path, required=True, help="answers by path")
    parser.add_argument("--keep", type=Path, help="SQLite file, which is made")
    chosen = parser.parse_args()
    keeping = None if chosen.keep is None else Keeping(chosen.keep)
    asyncio.run(_serve(Empty(json.loads(chosen.answers.read_text()), keeping)))


if __name__ == "__main__":
    main()
