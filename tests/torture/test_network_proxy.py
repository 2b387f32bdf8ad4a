"""The proxy forwards, fails as it is told, and delivers what it held; real sockets on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from medsettle.torture.network_proxy import Fault, NetworkProxy, Trigger

_SECONDS = 10.0
# Long enough that what was forwarded would have come, short enough to wait for nothing.
_SILENCE_SECONDS = 0.2


@contextmanager
def _echoing() -> Iterator[int]:
    """Yield the port of a server that answers every byte with itself."""

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(65_536):
                    connection.sendall(chunk)
            except OSError:
                return

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(name="proxy")
def _proxy() -> Iterator[NetworkProxy]:
    with _echoing() as port, NetworkProxy(port) as proxy:
        yield proxy


def _connected(proxy: NetworkProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=_SECONDS)


def _echoed(connection: socket.socket, sent: bytes) -> bytes:
    connection.sendall(sent)
    return _received(connection, len(sent))


def _received(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (chunk := connection.recv(count - len(found))):
        found += chunk
    return found


def _assert_ended(connection: socket.socket) -> None:
    try:
        assert b"" == connection.recv(1)
    except ConnectionError:
        return


def test_it_forwards_both_ways(proxy: NetworkProxy) -> None:
    """What one side sends the other has, byte for byte, on several connections at once."""
    sent = bytes(range(256)) * 4_000
    with _connected(proxy) as first, _connected(proxy) as second:
        assert b"one" == _echoed(first, b"one")
        assert b"two" == _echoed(second, b"two")
        writing = threading.Thread(target=first.sendall, args=(sent,))
        writing.start()
        assert sent == _received(first, len(sent))
        writing.join()
        assert 2 == proxy.connections


def test_the_end_of_one_way_leaves_the_other(proxy: NetworkProxy) -> None:
    """A side that has nothing more to say still hears what is answered."""
    with _connected(proxy) as connection:
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)

        assert b"last" == _received(connection, 4)
        assert b"" == connection.recv(1)


def test_a_dropped_port_refuses_until_it_is_healed(proxy: NetworkProxy) -> None:
    """Connections end, new ones are refused at once, and the same port serves again."""
    with _connected(proxy) as connection:
        assert b"x" == _echoed(connection, b"x")
        proxy.strike("drop")
        _assert_ended(connection)
    with pytest.raises(ConnectionRefusedError):
        _connected(proxy)
    proxy.heal()
    with _connected(proxy) as again:
        assert b"y" == _echoed(again, b"y")


def test_a_stalled_port_holds_and_then_delivers(proxy: NetworkProxy) -> None:
    """Nothing passes, on connections there are and on new ones; healed, what was held comes."""
    with _connected(proxy) as old:
        assert b"x" == _echoed(old, b"x")
        proxy.strike("stall")
        with _connected(proxy) as new:
            for connection in (old, new):
                connection.sendall(b"held")
                connection.settimeout(_SILENCE_SECONDS)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(_SECONDS)
            proxy.heal()
            assert b"held" == _received(old, 4)
            assert b"held" == _received(new, 4)


def test_a_cut_resets_once(proxy: NetworkProxy) -> None:
    """Connections are reset, and the next one is served as if nothing had been."""
    with _connected(proxy) as connection:
        assert b"x" == _echoed(connection, b"x")
        proxy.strike("cut")
        assert proxy.struck(0)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with _connected(proxy) as again:
        assert b"y" == _echoed(again, b"y")


@pytest.mark.parametrize("fault", ["drop", "cut"])
def test_a_trigger_counts_what_is_sent(proxy: NetworkProxy, fault: Fault) -> None:
    """The byte that completes the count is not forwarded, those before it were."""
    with _connected(proxy) as connection:
        assert b"before" == _echoed(connection, b"before")
        proxy.strike(fault, Trigger("out", bytes=3))
        assert b"ab" == _echoed(connection, b"ab")
        assert not proxy.struck(0)
        connection.sendall(b"c")
        _assert_ended(connection)
        assert proxy.struck(_SECONDS)


def test_a_trigger_loses_the_answer(proxy: NetworkProxy) -> None:
    """Counted on the way back, the request has arrived and its answer does not."""
    proxy.strike("stall", Trigger("back", chunks=1))
    with _connected(proxy) as connection:
        connection.sendall(b"asked")
        assert proxy.struck(_SECONDS)
        connection.settimeout(_SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(_SECONDS)
        proxy.heal()
        assert b"asked" == _received(connection, 5)


def test_a_fault_that_waits_is_forgotten_by_healing(proxy: NetworkProxy) -> None:
    """After healing nothing strikes any more."""
    proxy.strike("drop", Trigger("out", chunks=1))
    proxy.heal()
    with _connected(proxy) as connection:
        assert b"x" == _echoed(connection, b"x")
    assert not proxy.struck(0)


def test_a_target_may_move(proxy: NetworkProxy) -> None:
    """A server that came back on another port gets the new connections."""
    proxy.point_at(1)
    with _connected(proxy) as nowhere:
        _assert_ended(nowhere)
    with _echoing() as port:
        proxy.point_at(port)
        with _connected(proxy) as connection:
            assert b"x" == _echoed(connection, b"x")
