"""Texts of the engine and of libraries on pages in another language than theirs.

What the engine refuses is told in English (so are its interface and its commands), and so is what
comes from libraries below it. On a Chinese page such a text is marked as English, so that a screen
reader reads it so and a browser can translate it; a line in Chinese says what it is.
"""

import re
from typing import Final

from django.utils.html import format_html
from django.utils.translation import get_language

_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
# Names, paths and codes are no words of a language: a word stands between spaces.
_WORD: Final = re.compile(r"(?<!\S)[A-Za-z][a-z]*(?=[,.;:?!]*(?:\s|$))")


def is_chinese() -> bool:
    """Whether the page is shown in Chinese."""
    return (get_language() or "").startswith("zh")


def is_foreign(text: object) -> bool:
    """Whether a text is English on a Chinese page, whatever Chinese names it quotes."""
    said = str(text)
    return is_chinese() and len(_WORD.findall(said)) > len(_CHINESE.findall(said))


def marked(text: object) -> str:
    """Return a text for a page, marked as English where the page is Chinese and it is not."""
    said = str(text)
    return format_html('<span lang="en">{}</span>', said) if is_foreign(said) else said
