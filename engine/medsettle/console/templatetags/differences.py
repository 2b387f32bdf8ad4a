"""Filters for pages about differences: the words of classes, sides, actions and columns."""

from typing import Any, Final

from django import template

from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.console import difference_words as words
from medsettle.console.templatetags.console import payer

register: Final = template.Library()


@register.filter
def class_word(number: int) -> Any:  # noqa: ANN401 - a text that is translated when it is shown
    """Return what a class of differences is called."""
    return words.CLASSES[DifferenceClass(number)]


@register.filter
def side_word(side: str) -> Any:  # noqa: ANN401 - as above
    """Return whose book that of a side is."""
    return words.SIDES[Side(side)]


@register.filter
def action_word(action: str) -> Any:  # noqa: ANN401 - as above
    """Return what an action against a difference is called."""
    return words.ACTIONS[Action(action)]


@register.filter
def column_word(name: str) -> Any:  # noqa: ANN401 - as above
    """Return what a column of a book is called."""
    return words.COLUMNS.get(name) or payer(name.removesuffix("_fen"))


@register.filter
def file_name(path: str) -> str:
    """Return the last part of a path: where a file lies is not for a page."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
