"""The conductor: idempotency, counters, waterfall, one durable commit, then answers."""

from medsettle.engine.conductor import Engine

__all__ = ["Engine"]
