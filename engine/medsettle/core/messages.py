"""What an institution told where no money moves, and what it was answered.

A visit begins, lines are sent, a diagnosis is added, somebody signs in, a filing is made, a file is
sent: each is a *message*, recorded once under its request id and never edited. What there is at a
moment, such as a visit with its lines, is folded from the messages about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from medsettle.errors import SettlementError


@dataclass(frozen=True, slots=True)
class Message:
    """What an institution tells, under a request id of its own.

    `kind` is the number of the transaction (交易编号, infno) that told it. `subject` is what it is
    about: an id that we gave, unique over all pooling areas, such as that of a visit, a filing or a
    file. `pooling_area` and `person` are empty where it is about no person. `content` is what was
    told, of the values that JSON has; a repetition of the message tells the same.
    """

    institution: str
    request_id: str
    pooling_area: str
    person: str
    kind: str
    subject: str
    content: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message as recorded, with what was answered.

    `seq` is its place in the ledger, `create_time` when it was recorded, in UTC. `duplicate` says
    that the same message had been recorded before.
    """

    message: Message
    answer: Mapping[str, object]
    seq: int
    create_time: datetime
    duplicate: bool = False


Decide: TypeAlias = Callable[[], Mapping[str, object]]
"""Returns the answer to a message, of the values that JSON has."""

Told: TypeAlias = MessageState | SettlementError
"""A message as recorded, or why it was refused."""
