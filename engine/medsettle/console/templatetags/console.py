"""Tags and filters of the templates: amounts, moments, words of codes, charts, and page links."""

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any, Final
from urllib.parse import unquote_plus

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from medsettle.console.languages import as_said, is_chinese, is_foreign, marked
from medsettle.console.page_words import EXAMPLE_WORDS, PAGE_WORDS, RECORD_WORDS
from medsettle.core import codes
from medsettle.core.code_words import INSURANCE_TYPE_WORDS, VISIT_TYPE_WORDS
from medsettle.core.money import yuan_from_fen
from medsettle.policy.confidence import CONFIDENCE_MEANINGS
from medsettle.policy.description import QUESTIONS, UNITS, WEAK
from medsettle.policy.vocabulary import in_chinese

register: Final = template.Library()

_PAYERS: Final = {payer.name: payer.chinese for payer in codes.PAYERS}
_POTS: Final = {pot.name: pot.chinese for pot in codes.POTS}
_CODES: Final = INSURANCE_TYPE_WORDS | VISIT_TYPE_WORDS
_numbers: Final = count(1)


@register.filter
def yuan(fen: object) -> str:
    """Return fen in yuan with two decimals; a dash for an amount that there is not."""
    return yuan_from_fen(fen) if isinstance(fen, int) else "–"


@register.filter
def grouped(number: object) -> str:
    """Return a whole number with commas; a dash for none."""
    return f"{number:,}" if isinstance(number, int) else "–"


@register.filter
def took(seconds: object) -> str:
    """Return how long something took, in milliseconds or seconds; what is beyond, as such."""
    if not isinstance(seconds, float):
        return "> 10 s"
    return f"{seconds * 1_000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


@register.filter
def moment(value: object) -> str:
    """Return a moment in China Standard Time, to the second."""
    if not isinstance(value, datetime):
        return "–"
    return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"


register.filter("foreign", is_foreign)
register.filter("marked", marked)
register.filter("as_said", as_said)


@register.filter
def payer(name: object) -> str:
    """Return what a payer or a pot is called in the language of the page."""
    known = str(name)
    chinese = _PAYERS.get(known) or _POTS.get(known) or in_chinese(known)
    return str(chinese) if is_chinese() and chinese else known.replace("_", " ")


@register.filter
def code_word(code: object) -> str:
    """Return a code of insurance or visit type with its word."""
    word = _CODES.get(str(code))
    return f"{code} {word}" if word else str(code)


@register.filter
def record_word(kind: object) -> Any:  # noqa: ANN401 - a text that is translated later
    """Return what a kind of record is called in the language of the page."""
    return RECORD_WORDS.get(str(kind), kind)


@register.filter
def example_word(kind: object) -> Any:  # noqa: ANN401 - as above
    """Return where the figures of an example come from, in the language of the page."""
    return EXAMPLE_WORDS.get(str(kind), kind)


@register.filter
def page_word(name: object) -> Any:  # noqa: ANN401 - as above
    """Return what the page of a view is called in the language of the page."""
    return PAGE_WORDS.get(str(name), name)


@register.filter
def question(head: object) -> str:
    """Return what a question of a stage is called in the language of the page."""
    english, chinese = QUESTIONS.get(str(head), (str(head), str(head)))
    return chinese if is_chinese() else english


@register.filter
def unit_word(unit: object) -> str:
    """Return what the cells of a table are, in the language of the page."""
    english, chinese = next(words for each, words in UNITS.items() if each == unit)
    return chinese if is_chinese() else english


@register.filter
def confidence(label: object) -> SafeString:
    """Return a label of confidence as a tag that says what it means; a doubtful one stands out."""
    meaning = CONFIDENCE_MEANINGS.get(str(label), ("", ""))
    kind = "warn" if label in WEAK else "quiet"
    said = meaning[1] if is_chinese() else meaning[0]
    # Grades are letters in every language; those that are words are said in that of the page.
    words = {"uncertain": _("uncertain"), "invented": _("invented")}
    shown = words.get(str(label), label)
    return format_html('<span class="tag {}" title="{}">{}</span>', kind, said, shown)


@register.simple_tag
def figure(figure: Mapping[str, Any], label: str, height: int = 360) -> SafeString:
    """Return a chart that the script of the console draws with Plotly once the page stands.

    Args:
        figure: `data` and `layout` as plotly.js takes them; colours may name variables of the
            stylesheet, such as `--accent-1`, so that they follow light and dark.
        label: What a reader hears who does not see it; the figures stand in a table beside it.
        height: In pixels.
    """
    number = next(_numbers)
    data = json_script(dict(figure), f"figure-{number}-data")
    return format_html(
        '<div class="figure" role="img" aria-label="{}" data-figure="figure-{}-data" '
        'style="height: {}px"></div>{}',
        label,
        number,
        height,
        data,
    )


@register.simple_tag(takes_context=True)
def here_with(context: Mapping[str, Any], **changed: object) -> str:
    """Return the query of this page with some values changed; an empty value goes."""
    request = context["request"]
    assert isinstance(request, HttpRequest)
    query = request.GET.copy()
    for name, value in changed.items():
        if value in {None, ""}:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def duration(seconds: object) -> str:
    """Return a time span in whole seconds as people say it; a dash for none."""
    if not isinstance(seconds, int):
        return "–"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%d s") % rest


@register.filter
def job_word(what: object) -> str:
    """Return what a command counts while it works, in the language of the page."""
    known = {
        "segments": _("segments"),
        "persons drawn": _("persons drawn"),
        "claims read": _("claims read"),
        "claims replayed": _("claims replayed"),
    }
    return known.get(str(what), str(what))


@register.filter
def unquoted(address: object) -> str:
    """Return an address as people read it: with its query as it was written."""
    return unquote_plus(str(address))
