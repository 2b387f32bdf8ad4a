"""The laws of a breaker, whatever is asked of it in whatever order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from medsettle import limits
from medsettle.peers.breaker import Admission, Breaker, State


class _Breaker(RuleBasedStateMachine):
    """A breaker with calls under way, beside what is known of it without looking inside."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.drawn: list[float] = []
        self.under_way: list[Admission] = []
        self.trials = 0
        self.breaker = Breaker(lambda: self.now, self._draw)
        self.opened_at: float | None = None
        self.in_a_row = 0

    def _draw(self, low: float, high: float) -> float:
        self.drawn.append(high if len(self.drawn) % 2 else low)
        return self.drawn[-1]

    @rule()
    def ask(self) -> None:
        """Let a call through exactly where the state says so."""
        state = self.breaker.state
        tried = any(each.trial for each in self.under_way)
        admission = self.breaker.admit()
        if state is State.CLOSED:
            assert admission is not None
            assert not admission.trial
        elif state is State.OPEN:
            assert admission is None
        else:
            assert admission is None or admission.trial
            assert admission is not None or tried
        if admission is not None:
            self.under_way.append(admission)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """Close the breaker by any answer."""
        self.under_way.remove(data.draw(st.sampled_from(self.under_way)))
        self.breaker.answered()
        self.in_a_row = 0

        assert self.breaker.state is State.CLOSED

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """Open the breaker by so many failures in a row, and by any failed trial that counts."""
        admission = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(admission)
        before, draws = self.breaker.state, len(self.drawn)
        self.breaker.failed(admission)
        if before is State.CLOSED and not admission.trial:
            self.in_a_row += 1
            opened = self.in_a_row >= limits.PEER_FAILURES_MAX
            assert opened == (self.breaker.state is State.OPEN)
        elif not admission.trial:
            assert before is self.breaker.state
        if len(self.drawn) > draws:
            self.in_a_row = 0
            assert self.breaker.state is State.OPEN

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Change nothing by a caller who left, but let another one try."""
        admission = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(admission)
        before = self.breaker.state
        self.breaker.let_go(admission)

        assert before is self.breaker.state

    @rule(seconds=st.floats(0, 2 * limits.PEER_PAUSE_SECONDS_MAX))
    def wait(self, seconds: float) -> None:
        """Open for calls by itself only after a pause, and never later than the longest one."""
        before = self.breaker.state
        self.now += seconds
        after = self.breaker.state
        if seconds > limits.PEER_PAUSE_SECONDS_MAX * (1 + limits.PEER_PAUSE_JITTER):
            assert after is not State.OPEN
        assert (before is State.CLOSED) == (after is State.CLOSED)

    @invariant()
    def draws_are_jitter(self) -> None:
        """Draw within the jitter and nothing else."""
        low, high = 1 - limits.PEER_PAUSE_JITTER, 1 + limits.PEER_PAUSE_JITTER
        assert all(low <= each <= high for each in self.drawn)


TestBreaker = _Breaker.TestCase
TestBreaker.__doc__ = (
    "A breaker obeys its laws in any order of calls, answers, failures and pauses."
)


def _opened(now: list[float]) -> Breaker:
    breaker = Breaker(lambda: now[0], lambda low, high: (low + high) / 2)
    for _ in range(limits.PEER_FAILURES_MAX):
        admission = breaker.admit()
        assert admission is not None
        breaker.failed(admission)
    return breaker


def test_pauses_double_to_a_bound() -> None:
    """Each failed trial doubles the pause, up to the longest; an answer begins at the first."""
    now = [0.0]
    breaker = _opened(now)
    pauses = []
    for _ in range(8):
        begun = now[0]
        while breaker.state is State.OPEN:
            now[0] += 0.25
        pauses.append(now[0] - begun)
        trial = breaker.admit()
        assert trial is not None
        breaker.failed(trial)

    assert [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0] == pauses


def test_one_call_tries_at_a_time() -> None:
    """While one call tries no other goes; where its caller leaves, the next one tries."""
    now = [0.0]
    breaker = _opened(now)
    now[0] = limits.PEER_PAUSE_SECONDS_FIRST
    trial = breaker.admit()

    assert trial is not None
    assert breaker.admit() is None
    breaker.let_go(trial)
    assert breaker.admit() is not None


def test_calls_from_before_say_nothing_new() -> None:
    """Failures of calls that were under way before do not lengthen the pause."""
    now = [0.0]
    breaker = Breaker(lambda: now[0], lambda low, high: (low + high) / 2)
    before = [breaker.admit() for _ in range(10)]
    for each in before:
        assert each is not None
        breaker.failed(each)
    now[0] = limits.PEER_PAUSE_SECONDS_FIRST

    assert breaker.state is State.HALF_OPEN
