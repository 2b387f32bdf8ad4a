"""What a form made, made once: sent twice, it is answered with what the first made.

A form that makes something has a hidden field with a token of its page. What came of it is kept
beside the token, the account and what was sent: sent again after a click too many it makes nothing,
and sent again with something else in it, it is another.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from django import forms

from medsettle import limits

_made: Final[OrderedDict[tuple[str, str, str], str]] = OrderedDict()
_lock: Final = threading.Lock()


class OnceField(forms.CharField):
    """The token of a page, which the browser sends back and nobody sees."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            initial=secrets.token_hex,
            max_length=limits.CODE_CHARS_MAX * 2,
            widget=forms.HiddenInput,
        )


def made_once(who: str, token: str, sent: str, make: Callable[[], str]) -> tuple[str, bool]:
    """Return the name of what a form made, and whether it made it now.

    Args:
        who: The account that sent it.
        token: That of the form; without one it is made.
        sent: What was filled in.
        make: Makes it and returns its name. What it raises leaves nothing behind here.
    """
    key = (who, token, sha256(sent.encode()).hexdigest())
    # One after the other: a second click comes while the first one is still at it.
    with _lock:
        known = _made.get(key) if token else None
        if known is not None:
            return known, False
        name = make()
        if token:
            _made[key] = name
            while len(_made) > limits.CONSOLE_FORMS_REMEMBERED_MAX:
                _made.popitem(last=False)
        return name, True
