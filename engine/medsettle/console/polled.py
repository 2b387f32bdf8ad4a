"""Which views a page asks by itself, again and again: they are no act of a person."""

from typing import Final

from medsettle.console.access import View

_MARK: Final = "polled"


def polled(view: View) -> View:
    """Mark a view as asked by a page that stands open; what it shows is not logged."""
    setattr(view, _MARK, True)
    return view


def is_polled(view: object) -> bool:
    """Whether a view was marked."""
    return bool(getattr(view, _MARK, False))
