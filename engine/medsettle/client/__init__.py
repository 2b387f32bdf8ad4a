"""The typed client of a medsettle server."""

from medsettle.client.calls import Client
from medsettle.client.claims import Claim, ClaimLine

__all__ = ["Claim", "ClaimLine", "Client"]
