"""What a server logs: events from one list, as lines that hold nothing of any person."""

from medsettle.logs.events import EVENTS, Event, say

__all__ = ["EVENTS", "Event", "say"]
