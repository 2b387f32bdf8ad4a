"""A claim as a JSON text on the page of trials: pasted, or as a file, and written out again."""

from typing import Final

import orjson
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.languages import marked
from medsettle.console.pages.positions import whole
from medsettle.console.pages.trial_faults import Told
from medsettle.core.claim_json import NoClaimsError, claim_rows
from medsettle.core.settlement import Row

JSON_LABEL: Final = gettext_lazy("A claim as JSON, as it is sent")
WHICH_LABEL: Final = gettext_lazy("of several, the one with number")


class UnreadError(Exception):
    """A text of which no claim is tried, and what is told of it."""

    def __init__(self, message: str, *, which: bool = False) -> None:
        """Tell something of the text, or of the number of the claim in it."""
        super().__init__(message)
        label = WHICH_LABEL if which else JSON_LABEL
        self.told = Told(str(label), message, "which" if which else "json")


def content_of(request: HttpRequest) -> bytes:
    """Return the JSON that came as a file, else that of the text; no more than is looked at."""
    file = request.FILES.get("file")
    if file is not None:
        return bytes(file.read(limits.DOCUMENT_BYTES_MAX + 1))
    return request.POST.get("json", "").encode()


def claim_in(content: bytes, which: str) -> Row:
    """Return the claim of a JSON text; of several, the one of a number.

    Raises:
        UnreadError: There is none.
    """
    most = limits.DOCUMENT_BYTES_MAX
    if len(content) > most:
        text = _("It has more than %s bytes; leave the one claim that you try.") % f"{most:,}"
        raise UnreadError(text)
    if not content.strip():
        raise UnreadError(_("Paste a claim as JSON, or choose a file."))
    try:
        rows = claim_rows(content)
    except NoClaimsError as error:
        raise UnreadError(_unread(error)) from error
    number = whole(which) or 0
    if len(rows) > 1 and not 1 <= number <= len(rows):
        said = _("It holds %(count)d claims; say which one is tried, from 1 to %(count)d.")
        raise UnreadError(said % {"count": len(rows)}, which=True)
    row = rows[number - 1 if len(rows) > 1 else 0] if rows else None
    if not isinstance(row, dict):
        raise UnreadError(_('A claim is an object, such as {"person": …}; this is none.'))
    return row


def _unread(error: NoClaimsError) -> str:
    """Return why no claim was read; what whoever read the text says of it is English."""
    return format_html("{} {}", _("No claim can be read from this text:"), marked(f"it {error}"))


def json_of(row: Row) -> str:
    """Return a claim as JSON, without what it does not state."""
    stated = {name: value for name, value in row.items() if value not in (None, [], "")}
    lines = row.get("lines")
    if isinstance(lines, list):
        stated["lines"] = [
            {name: value for name, value in line.items() if value is not None}
            if isinstance(line, dict)
            else line
            for line in lines
        ]
    return orjson.dumps(stated, option=orjson.OPT_INDENT_2, default=str).decode()
