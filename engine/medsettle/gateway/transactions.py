"""What a transaction of the national interface is: its number, its nodes, and who answers it.

The definitions stand in `medsettle.gateway.definitions`, one module a family; `registry` gathers
them. Dispatch, the checks of input and output, and the OpenAPI description are all made from them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from medsettle.gateway.envelope import Envelope
from medsettle.gateway.fields import Node, Nodes
from medsettle.gateway.office import Office


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its envelope, and its input as the definition of its transaction reads it."""

    envelope: Envelope
    input: Nodes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered: its output by node, and warnings to show.

    Where there is a `file`, its bytes are the whole answer, and no envelope is around them.
    """

    output: Nodes = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    file: bytes | None = None


Handler: TypeAlias = Callable[[Office, Asked], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction (交易).

    `variants` are further numbers of the same transaction, such as 2203A. `service` is the path
    segment of the national platform, under which it is reachable besides by its number. One that
    `moves` money or records something is done once a msgid. One that `sends_file` is answered by
    the bytes of a file, where the office does not put them into envelopes.
    """

    infno: str
    title: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    handler: Handler
    variants: tuple[str, ...] = ()
    service: str = ""
    moves: bool = False
    signed_in: bool = True
    sends_file: bool = False
