"""Settling what a till sealed: in the order of the signed numbers, each once, whatever dies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from medsettle.core.money import plain_yuan
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.request_states import RequestState
from medsettle.core.settlement import Row, Settlement
from medsettle.offline.store import Decided, State, TillStore
from medsettle.offline.till import Found

Answer = Settlement | Rejection


class Engine(Protocol):
    """Where claims are settled: a server, or an engine in this process."""

    def settle(self, claim: Row) -> Answer:
        """Return the answer to a claim, for good.

        Raises:
            SettlementError, TimeoutError, ConnectionError: There is none yet.
        """
        ...

    def find_request(self, institution: str, request_id: str) -> RequestState:
        """Return what became of the request with an id."""
        ...

    def recorded(self, settlement: str) -> Settlement | None:
        """Return a recorded settlement; None where it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that has its answer now."""

    seq: int
    request_id: str
    decided: Decided


def settle_in_order(
    store: TillStore, found: Sequence[Found], engine: Engine, clock: Callable[[], datetime]
) -> Iterator[Sent]:
    """Send what has no answer yet, one after another, and yield each once its answer is durable.

    An answer that was not written down is asked for again by the same request id and comes from the
    record of the engine, so a process that dies anywhere only has to be started again. A refusal is
    an answer, and the next record goes on; where there is no answer nothing that comes later is
    sent. What is not as it was signed is never sent.

    Args:
        store: Of the till.
        found: Its records, as `read_back` returns them.
        engine: Where they are settled.
        clock: Returns the present moment, with a zone.

    Raises:
        SettlementError, TimeoutError, ConnectionError: There was no answer; all before it have one.
        StoreUnavailable: The answer was not written down; it comes again.
    """
    known, closed = store.decided(), store.closings()
    for each in found:
        if each.content is None or each.seq in known or each.seq in closed:
            continue
        answer = engine.settle(each.content.claim)
        decided = _decided(each, answer, engine)
        store.decide(each.seq, decided, clock())
        yield Sent(each.seq, each.request_id, decided)


def _decided(found: Found, answer: Answer, engine: Engine) -> Decided:
    assert found.content is not None
    if isinstance(answer, Settlement):
        cash = answer.fen("cash_fen")
        settlement = str(answer.columns["settlement"])
        return Decided(State.SETTLED, settlement, cash, found.content.paid_fen - cash)
    online = _online(found, answer, engine)
    if not online:
        return Decided(State.REFUSED, reason=answer.outcome.name, message=answer.message)
    recorded = engine.recorded(online)
    return Decided(
        State.ONLINE,
        online,
        None if recorded is None else recorded.fen("cash_fen"),
        found.content.paid_fen,
        answer.outcome.name,
        answer.message,
    )


def _online(found: Found, answer: Rejection, engine: Engine) -> str:
    """Return the settlement by which the same visit was settled online, empty where none was."""
    if answer.outcome is Outcome.DUPLICATE_SETTLEMENT:
        return answer.metadata.get("settlement", "")
    if answer.outcome is not Outcome.REQUEST_ID_REUSED:
        return ""
    assert found.header is not None
    return engine.find_request(found.header.institution, found.request_id).entry


def refund_words(decided: Decided) -> str:
    """Return what is to be done with the patient's money.

    What was settled online was paid there as well, as far as a till knows: then all the cash that
    it took goes back. Where nothing was paid there, the difference does, as for any other.

    >>> refund_words(Decided(State.SETTLED, "1", 300, 700))
    'give back 7.00'
    >>> refund_words(Decided(State.SETTLED, "1", 300, -50)), refund_words(Decided(State.REFUSED))
    ('ask for 0.50', '')
    >>> refund_words(Decided(State.ONLINE, "1", 300, 1000))
    'give back 10.00, all that the till took; if the 3.00 of 1 was not paid online, give back 7.00'
    """
    words = _words(decided.refund_fen or 0)
    if decided.state is not State.ONLINE or not words:
        return words
    words += ", all that the till took"
    if decided.cash_fen is None:
        return f"{words}; less the cash of {decided.settlement} if that was not paid online"
    if not decided.cash_fen:
        return words
    less = _words((decided.refund_fen or 0) - decided.cash_fen) or "give back nothing"
    cash = plain_yuan(decided.cash_fen)
    return f"{words}; if the {cash} of {decided.settlement} was not paid online, {less}"


def _words(refund_fen: int) -> str:
    if not refund_fen:
        return ""
    verb = "give back" if refund_fen > 0 else "ask for"
    return f"{verb} {plain_yuan(abs(refund_fen))}"
