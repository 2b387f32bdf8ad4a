"""What an engine says of itself before anything else, and what it can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from medsettle.peers.config import PeerConfig, Role
from medsettle.v1 import peer_service_pb2 as messages

SERVICE: Final = messages.DESCRIPTOR.services_by_name["PeerService"].full_name
GREET: Final = "Greet"

RELAY: Final = "relay"
"""What a hub can do: pass on anything. Whether it can be done, the engine of the area says."""

CAPABILITIES: Final[Mapping[str, str]] = {
    "PreviewScoped": "settle",
    "SettleScoped": "settle",
    "CancelScoped": "settle",
    "ReverseScoped": "settle",
    "FindScoped": "settle",
    "PreviewScopedVisit": "visits",
    "SettleScopedVisit": "visits",
    "CancelScopedVisit": "visits",
    "ExplainScoped": "explain",
    "DeliverRecords": "deliver",
}
"""What an engine must be able to do for each method; words that others know besides are ignored."""

# Whom a call is for, who asks, and how many engines it has passed.
TO_KEY: Final = "medsettle-to"
FROM_KEY: Final = "medsettle-from"
HOPS_KEY: Final = "medsettle-hops"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an engine says of itself besides its name and areas.

    `rule_digests` tells the digests of the rules loaded now, by area.
    """

    version: str
    capabilities: tuple[str, ...]
    rule_digests: Callable[[], Mapping[str, str]] = dict

    def request(self, config: PeerConfig) -> messages.GreetRequest:
        """Return how the engine greets."""
        return messages.GreetRequest(
            name=config.name, version=self.version, capabilities=self._can(config)
        )

    def response(self, config: PeerConfig) -> messages.GreetResponse:
        """Return how the engine answers a greeting."""
        return messages.GreetResponse(
            name=config.name,
            version=self.version,
            capabilities=self._can(config),
            areas=config.areas,
            rule_digests=self.rule_digests(),
        )

    def _can(self, config: PeerConfig) -> tuple[str, ...]:
        relays = (RELAY,) if config.role is Role.HUB else ()
        return (*self.capabilities, *relays)


def lacks(greeted: messages.GreetResponse, method: str) -> str | None:
    """Return what an engine must be able to do for a method and is not; None where it can.

    A method that this engine does not know, which a hub passes on, is for the other to judge.
    """
    word = CAPABILITIES.get(method)
    if word is None or word in greeted.capabilities or RELAY in greeted.capabilities:
        return None
    return word
