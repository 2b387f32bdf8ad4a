"""Texts of the engine and of libraries on pages in another language than theirs.

What the engine refuses is told in English (so are its interface and its commands), and so is what
comes from libraries below it. On a Chinese page such a text is marked as English, so that a screen
reader reads it so and a browser can translate it; a line in Chinese says what it is.
"""

import re
from typing import Final

from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
# Names, paths and codes are no words of a language: a word stands between spaces.
_WORD: Final = re.compile(r"(?<!\S)[A-Za-z][a-z]*(?=[,.;:?!]*(?:\s|$))")


def is_chinese() -> bool:
    """Whether the page is shown in Chinese."""
    return (get_language() or "").startswith("zh")


def is_foreign(said: object) -> bool:
    """Whether a text is English on a Chinese page, or one of several is.

    What it quotes in Chinese makes no Chinese text of it.
    """
    if isinstance(said, list | tuple):
        return any(is_foreign(each) for each in said)
    text = str(said)
    return is_chinese() and len(_WORD.findall(text)) > len(_CHINESE.findall(text))


def marked(text: object) -> str:
    """Return a text for a page, marked as English where the page is Chinese and it is not."""
    said = str(text)
    return format_html('<span lang="en">{}</span>', said) if is_foreign(said) else said


def as_said(text: object) -> str:
    """Return a text for a page, where it is English after words in Chinese that say so."""
    said = marked(text)
    if not is_foreign(text):
        return said
    return format_html("{} {}", _("As the system says it, in English:"), said)
