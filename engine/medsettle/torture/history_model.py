"""The sequential model that a history is held to: the engine itself, one operation at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from medsettle import limits
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.entries import Ledger
from medsettle.torture.calls import Answer, Operation, Refused, at_engine

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WOULD_RECORD: Final = Refused("WOULD_BE_RECORDED")

EngineOn = Callable[[Ledger, Callable[[], datetime]], Engine]
"""Makes the engine of the model on a ledger with a clock."""


class _WouldRecord(Exception):
    """A question to the model would have recorded something."""


class _Guarded:
    """A ledger that records only while the model says so."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.recording = False

    def append(self, entries: Sequence[Any], create_time_us: int) -> int:
        if not self.recording:
            raise _WouldRecord
        return self._ledger.append(entries, create_time_us)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a ledger has
        return getattr(self._ledger, name)


@dataclass
class Model:
    """The sequential model: the engine itself, on a ledger of its own, one operation at a time."""

    ledger: Ledger
    engine_on: EngineOn
    moment: datetime = _EPOCH
    engine: Engine = field(init=False)
    _guarded: Any = field(init=False)

    def __post_init__(self) -> None:
        self._guarded = _Guarded(self.ledger)
        self.engine = self.engine_on(self._guarded, lambda: self.moment)

    def record(self, operation: Operation, create_time_us: int) -> Answer:
        """Return the answer to an operation that records something."""
        self.moment = _EPOCH + timedelta(microseconds=create_time_us)
        self._guarded.recording = True
        try:
            return at_engine(self.engine, operation)
        finally:
            self._guarded.recording = False

    def ask(self, operation: Operation) -> Answer:
        """Return the answer to an operation here, which changes nothing."""
        try:
            return at_engine(self.engine, operation)
        except _WouldRecord:
            return _WOULD_RECORD


def difference(expected: object, found: object) -> str:
    """Return where two answers, or two entries, first differ."""
    if type(expected) is not type(found):
        return f"expected {_short(expected)}, found {_short(found)}"
    if isinstance(expected, Settlement) and isinstance(found, Settlement):
        for name in dict.fromkeys([*expected.columns, *found.columns]):
            one, two = expected.columns.get(name), found.columns.get(name)
            if one != two:
                return f"{name}: expected {one}, found {two}"
    names = getattr(type(expected), "__dataclass_fields__", {})
    for name in names:
        one, two = getattr(expected, name), getattr(found, name)
        if one != two:
            return f"{name}: expected {_short(one)}, found {_short(two)}"
    return f"expected {_short(expected)}, found {_short(found)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= limits.MESSAGE_CHARS_MAX else text[: limits.MESSAGE_CHARS_MAX] + "…"
