"""Random histories of request ids against a model that knows nothing but their states."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.engine.requests import settlement_id

from tests.engine.engines import counters, engine_on, rule_book
from tests.engine.visits import SHAPES
from tests.service.claims import AREA, INSTITUTION, claim
from tests.stores import using

_CLAIMS = st.sampled_from(["R1", "R2", "R3"])
_OWN = st.sampled_from(["X1", "X2", "X3", "X4"])
_FEN = st.sampled_from([20_000, 50_000])

_UNKNOWN, _COMMITTED = RequestStatus.UNKNOWN, RequestStatus.COMMITTED
_NOTICES = {
    RequestStatus.CANCELLED: "cancelled since",
    RequestStatus.REVERSED: "reversed since",
}


class _Held(NamedTuple):
    """What the model remembers of a request: what it asked for, and what became of it."""

    content: tuple[str, object]
    status: RequestStatus
    reason: str = ""


_NOTHING = _Held(("", None), _UNKNOWN)


class RequestMachine(RuleBasedStateMachine):
    """Claims, cancels and reversals under few ids, with rules that come and go."""

    store = "sqlite"

    @initialize()
    def open(self) -> None:
        """Start with an empty ledger and the rules of the area."""
        self.stack = ExitStack()
        self.stack.enter_context(using(self.store))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.engine: Engine = self.stack.enter_context(engine_on(self.folder))
        self.model: dict[str, _Held] = {}
        self.loaded = True

    def teardown(self) -> None:
        """Let go of the ledger."""
        self.stack.close()

    def _of(self, request_id: str) -> _Held:
        return self.model.get(request_id, _NOTHING)

    @rule(request=_CLAIMS, fen=_FEN, malformed=st.sampled_from([False] * 4 + [True]))
    def send(self, request: str, fen: int, *, malformed: bool) -> None:
        """Send a claim, anew, again or altered."""
        row: dict[str, Any] = claim(int(request[1:]), fen)
        if malformed:
            row["person_type"] = ""
        (answer,) = self.engine.settle(ClaimBatch.from_rows([row]))
        held, content = self._of(request), ("settle", fen)
        if malformed:
            assert _outcome(answer) is Outcome.INVALID_REQUEST
        elif held.status is RequestStatus.TOMBSTONE:
            assert _outcome(answer) is Outcome.REQUEST_REVERSED
        elif held.status is not _UNKNOWN and held.content != content:
            assert _outcome(answer) is Outcome.REQUEST_ID_REUSED
        elif held.status is RequestStatus.REJECTED or (held is _NOTHING and not self.loaded):
            assert _outcome(answer) is Outcome.POLICY_NOT_FOUND
            assert answer.duplicate == (held is not _NOTHING)
            self.model[request] = _Held(content, RequestStatus.REJECTED, "POLICY_NOT_FOUND")
        else:
            assert isinstance(answer, Settlement)
            assert answer.duplicate == (held is not _NOTHING)
            said = _NOTICES.get(held.status, "")
            assert bool(answer.notices) == bool(said)
            assert all(notice.startswith(said) for notice in answer.notices)
            if held is _NOTHING:
                self.model[request] = _Held(content, _COMMITTED)

    @rule(request=_CLAIMS, own=_OWN)
    def cancel(self, request: str, own: str) -> None:
        """Cancel what a claim made, or would make."""
        name = settlement_id(AREA, INSTITUTION, request)
        reason = self._tried(
            lambda: self.engine.cancel(INSTITUTION, own, name).duplicate, ("cancel", request), own
        )
        if reason is not None:
            status = self._of(request).status
            if status is _COMMITTED:
                assert reason == ""
                self._take_back(request, own, "cancel", RequestStatus.CANCELLED)
            else:
                gone = status in {RequestStatus.CANCELLED, RequestStatus.REVERSED}
                assert reason == ("ALREADY_CANCELLED" if gone else "NOT_FOUND")
                self.model[own] = _Held(("cancel", request), RequestStatus.REJECTED, reason)

    @rule(request=_CLAIMS, own=_OWN)
    def reverse(self, request: str, own: str) -> None:
        """Reverse a claim, sent or not."""
        known = self._of(request)
        reason = self._tried(
            lambda: self.engine.reverse(INSTITUTION, request, own).duplicate,
            ("reversal", request),
            own,
            answered=known.status not in {_UNKNOWN, _COMMITTED},
        )
        if reason is not None:
            assert reason == ""
            if known is _NOTHING:
                self.model[request] = _Held(("", None), RequestStatus.TOMBSTONE)
            elif known.status is _COMMITTED:
                self._take_back(request, own, "reversal", RequestStatus.REVERSED)

    def _tried(
        self, act: Callable[[], bool], content: tuple[str, str], own: str, *, answered: bool = False
    ) -> str | None:
        """Return the reason of a fresh refusal, empty for none; None where the id decided."""
        held = self._of(own)
        try:
            duplicate = act()
        except errors.RequestIdReused:
            assert held is not _NOTHING
            assert held.content != content
            return None
        except errors.SettlementError as error:
            if held is not _NOTHING:
                assert (held.content, held.reason) == (content, error.reason)
                assert "true" == error.metadata["duplicate"]
                return None
            assert "duplicate" not in error.metadata
            return error.reason
        if held is not _NOTHING:
            assert (held.content, held.status, duplicate) == (content, _COMMITTED, True)
            return None
        assert duplicate == answered
        return ""

    def _take_back(self, request: str, own: str, act: str, status: RequestStatus) -> None:
        self.model[request] = self.model[request]._replace(status=status)
        self.model[own] = _Held((act, request), _COMMITTED)

    @rule()
    def change_rules(self) -> None:
        """Load the rules of the area, or others that lack it: what was refused could settle now."""
        self.loaded = not self.loaded
        self.engine.replace_rules(rule_book() if self.loaded else rule_book(SHAPES))

    @rule()
    def reopen(self) -> None:
        """Close and open, as a restart does; the rules of the area are loaded then."""
        self.engine.ledger.close()
        self.engine = self.stack.enter_context(engine_on(self.folder))
        self.loaded = True

    @invariant()
    def is_as_the_model_says(self) -> None:
        """Every id has the state of the model, and only what stands has moved counters."""
        for request in ("R1", "R2", "R3", "X1", "X2", "X3", "X4"):
            held, found = self._of(request), self.engine.find_request(INSTITUTION, request)
            assert held.status is found.status
            assert held.reason == (found.refusal.reason if found.refusal else "")
            if request.startswith("R"):
                stands = bool(counters(self.engine, f"P{request[1:]}"))
                assert stands == (held.status is _COMMITTED)
        assert self.engine.ledger.verify() is None  # type: ignore[attr-defined]


def _outcome(answer: Settlement | Rejection) -> Outcome:
    return answer.outcome if isinstance(answer, Rejection) else Outcome.SETTLED


class PostgresRequestMachine(RequestMachine):
    """The same on a server: fewer histories, for each takes it three times as long."""

    store = "postgres"


RequestMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=30)
PostgresRequestMachine.TestCase.settings = settings(max_examples=6, stateful_step_count=30)
test_request_machine = pytest.mark.slow(RequestMachine.TestCase)
test_request_machine_on_postgres = pytest.mark.slow(PostgresRequestMachine.TestCase)
