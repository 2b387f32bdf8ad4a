"""Somebody of whom nothing is recorded, in place of a person whom a caller may not see.

Who writes policies tries claims, and needs no real person's account, counters or stays for it; a
preview would tell them. So a claim that they try is that of a stranger, the same one for the same
person as long as the process lives, so that claims of one person still see one another.
"""

import hmac
import secrets
from typing import Final

from medsettle import limits

_SECRET: Final = secrets.token_bytes(32)


def stranger_to(person: str) -> str:
    """Return the number of somebody of whom nothing is recorded; what is no number stays as it is.

    >>> stranger_to("P1") == stranger_to("P1") != stranger_to("P2")
    True
    >>> stranger_to("no number")
    'no number'
    """
    readable = person.isascii() and person.isprintable() and " " not in person
    if not readable or not 0 < len(person) <= limits.PERSON_CHARS_MAX:
        return person
    return hmac.digest(_SECRET, person.encode(), "sha256").hex()[: limits.PERSON_CHARS_MAX]
