"""A server that settles nothing, on the transport medsettle serves on: what calls cost alone.

`decode` decodes each claim with protobuf and encodes a settlement, one that a medsettle server gave
for such a claim, under the request id of the claim; `empty` takes bytes and gives none. Neither
checks, computes or records anything.

    python -m benchmarks.load ADDRESS --seconds 1 --save-answer answer.bin
    python -m benchmarks.load.echo_server --answer answer.bin
"""

import argparse
import asyncio
import json
import signal
from concurrent import futures
from pathlib import Path
from typing import Any, Final

import grpc
from medsettle.v1 import settlement_service_pb2 as settlements

_SERVICE: Final = "medsettle.v1.SettlementService"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
# As many threads as pay off: more of them fight over the interpreter.
_THREADS: Final = 4


def _echo(answer: settlements.Settlement | None) -> Any:
    """Return what answers a request with, as one plain function."""
    if answer is None:
        return lambda _: b""

    def settle(request: settlements.CreateSettlementRequest) -> settlements.Settlement:
        answer.request_id = request.claim.request_id
        answer.person = request.claim.person
        return answer

    return settle


def _handlers(answer: settlements.Settlement | None, *, asynchronous: bool) -> Any:
    respond = _echo(answer)

    async def settle_soon(request: Any, context: Any) -> Any:
        del context
        return respond(request)

    def settle(request: Any, context: Any) -> Any:
        del context
        return respond(request)

    decode = None if answer is None else settlements.CreateSettlementRequest.FromString
    encode = None if answer is None else settlements.Settlement.SerializeToString
    behaviour = settle_soon if asynchronous else settle
    one = grpc.unary_unary_rpc_method_handler(behaviour, decode, encode)
    return grpc.method_handlers_generic_handler(_SERVICE, {"CreateSettlement": one})


def _tell(host: str, port: int) -> None:
    print(json.dumps({"serving": f"{host}:{port}"}), flush=True)


async def _serve_asynchronously(host: str, port: int, handlers: Any) -> None:
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((handlers,))
    opened = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    _tell(host, opened)
    await stopped.wait()
    await server.stop(0)


def _serve_with_threads(host: str, port: int, handlers: Any) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    server.add_generic_rpc_handlers((handlers,))
    opened = server.add_insecure_port(f"{host}:{port}")
    server.start()
    _tell(host, opened)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    server.stop(0).wait()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:0", help="host and port; port 0 chooses")
    parser.add_argument("--answer", type=Path, help="file of the settlement to encode; else empty")
    parser.add_argument("--transport", choices=("aio", "threads"), default="aio")
    chosen = parser.parse_args()
    answer = None
    if chosen.answer is not None:
        answer = settlements.Settlement.FromString(chosen.answer.read_bytes())
    host, _, port = chosen.listen.rpartition(":")
    handlers = _handlers(answer, asynchronous=chosen.transport == "aio")
    if chosen.transport == "aio":
        asyncio.run(_serve_asynchronously(host, int(port), handlers))
    else:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        _serve_with_threads(host, int(port), handlers)


if __name__ == "__main__":
    main()
