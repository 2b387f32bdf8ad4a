"""What may be done on a page: forms of its own, each with what it does and who may do it."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from medsettle import limits
from medsettle.clearing.months.month import Month
from medsettle.console.access import account_of
from medsettle.console.languages import marked
from medsettle.console.once import made_once
from medsettle.console.place import holdings
from medsettle.core.dates import service_day_of
from medsettle.core.money import fen_from_yuan
from medsettle.errors import Fault, InvalidRequest, SettlementError
from medsettle.identity.roles import Right

ACT: Final = "act"
"""The hidden field that says which form of a page was sent."""

ONCE: Final = "once"
"""The hidden field by which a form that is sent twice is known; without it each is done."""

# What the library calls a value, where a field of ours has another name.
_FIELDS: Final = {"amount_fen": "yuan", "amount": "yuan", "fen": "yuan", "stated": "yuan"}

_NO_MORE: Final = _(
    "Nothing was done: this can be done here no more. It was sent twice, or somebody did it before "
    "you, or the page was old."
)


class NoMore(Exception):
    """What was sent can be done no more, such as what has been done already."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, on which day and when."""

    who: str
    today: date
    moment: datetime


def by(request: HttpRequest) -> By:
    """Return who asks, with the present moment and its day in China Standard Time."""
    moment = holdings().clock()
    return By(account_of(request).get_username(), service_day_of(moment), moment)


class YuanField(forms.CharField):
    """An amount in yuan such as 1041500.00; its value is in fen."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of Django
        widget = forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "0.00"})
        super().__init__(max_length=32, widget=widget, **options)

    def clean(self, value: object) -> Any:  # noqa: ANN401 - as Django's
        """Return the fen of the text."""
        # Commas only where thousands are parted: 1,5 is not 15.
        text = str(super().clean(value))
        if not text:
            return None
        try:
            return fen_from_yuan(text)
        except ValueError as error:
            raise forms.ValidationError(marked(error)) from error


class MonthField(forms.CharField):
    """A month such as 2026-03; its value is a `Month`, or None where there is none."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of Django
        widget = forms.TextInput(attrs={"type": "month", "placeholder": "2026-03"})
        super().__init__(max_length=7, widget=widget, **options)

    def clean(self, value: object) -> Any:  # noqa: ANN401 - as Django's
        """Return the month of the text."""
        text = str(super().clean(value))
        if not text:
            return None
        try:
            return Month.of(text)
        except InvalidRequest as error:
            raise forms.ValidationError(
                [marked(fault.message) for fault in error.faults]
            ) from error


class DayField(forms.DateField):
    """A day that the browser lets people choose."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of Django
        super().__init__(
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options
        )


class UploadField(forms.FileField):
    """A file that is uploaded, with a bound on its size."""

    def __init__(self, *, most: int = limits.CONSOLE_UPLOAD_BYTES_MAX, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._most = most

    def clean(self, data: object, initial: object = None) -> Any:  # noqa: ANN401 - as Django's
        """Return the uploaded file, which is not larger than it may be."""
        found = super().clean(data, initial)
        if isinstance(found, UploadedFile) and (found.size or 0) > self._most:
            text = _("This file has %(size)s bytes, and at most %(most)s are taken. Split it.")
            sizes = {"size": f"{found.size:,}", "most": f"{self._most:,}"}
            raise forms.ValidationError(text, params=sizes)
        return found


class ReasonForm(forms.Form):
    """Something that needs a reason and nothing else."""

    reason = forms.CharField(label=_("reason"), max_length=limits.CLEARING_TEXT_CHARS_MAX)


class OptionalReasonForm(forms.Form):
    """Something that may have a reason."""

    reason = forms.CharField(
        label=_("reason"), max_length=limits.CLEARING_TEXT_CHARS_MAX, required=False
    )


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be done to what a page shows.

    Attributes:
        name: Of the form; no other of the page has it.
        title: What its button says.
        run: Does it with what was filled in, and returns what to tell.
        form: What is asked.
        right: Who may do it.
        initial: What the form begins with.
        more: What a reader should know before.
        each: Whether a form that is sent twice is done twice, as it sees to that itself.
    """

    name: str
    title: Any
    run: Callable[[dict[str, Any], By], Any]
    form: type[forms.Form] = forms.Form
    right: Right = Right.CLEAR
    initial: dict[str, Any] = field(default_factory=dict)
    more: Any = ""
    each: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """An act with its form, filled in or not, and the token that its page sends back."""

    act: Act
    form: forms.Form
    once: str = field(default_factory=secrets.token_hex)


def offers(request: HttpRequest, acts: Iterable[Act]) -> list[Offer]:
    """Return the acts of a page that somebody may do; the one that was sent with its faults."""
    may = account_of(request).may
    sent = request.POST.get(ACT) if request.method == "POST" else None
    return [
        Offer(
            act,
            act.form(request.POST, request.FILES, prefix=act.name)
            if act.name == sent
            else act.form(prefix=act.name, initial=act.initial),
        )
        for act in acts
        if may(act.right)
    ]


def done(request: HttpRequest, acts: Iterable[Act]) -> tuple[bool, list[Offer]]:
    """Do the act that was sent, and return whether it was done, with the offers of the page.

    A form that was sent twice is done once, and told twice. What is wrong stands beside the field
    that it is about, and else above the form.

    Raises:
        PermissionDenied: Somebody sent what is not theirs to do.
        NoMore: It was to be done here once, and is no more.
    """
    acts = tuple(acts)
    offered = offers(request, acts)
    if request.method != "POST":
        return False, offered
    sent = request.POST.get(ACT)
    chosen = next((each for each in offered if each.act.name == sent), None)
    if chosen is None:
        if any(each.name == sent for each in acts):
            raise PermissionDenied
        raise NoMore(_NO_MORE)
    told = attempt(chosen.form, lambda given: _once(request, chosen.act, given))
    if told is not None and told is not False:
        messages.success(request, str(told))
    return told is not None, offered


def _once(request: HttpRequest, act: Act, given: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return what an act tells, or told when the same form came before."""
    token = request.POST.get(ONCE, "")[: limits.CODE_CHARS_MAX * 2]
    if act.each or not token:
        return act.run(given, by(request))
    files = [
        (name, _digest(file)) for name in request.FILES for file in request.FILES.getlist(name)
    ]
    sent = repr((request.path, sorted(request.POST.lists()), files))
    who = account_of(request).get_username()
    return made_once(who, token, sent, lambda: str(act.run(given, by(request))))[0]


def _digest(file: "UploadedFile[bytes]") -> str:
    digest = sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def attempt(form: forms.Form, run: Callable[[dict[str, Any]], Any]) -> Any:  # noqa: ANN401
    """Return what `run` makes of a valid form; None where the form now says what is wrong."""
    if not form.is_valid():
        return None
    try:
        return run(form.cleaned_data)
    except InvalidRequest as error:
        for fault in error.faults:
            add_fault(form, fault)
    except (SettlementError, FileNotFoundError) as error:
        form.add_error(None, str(error))
    return None


def add_fault(
    form: forms.Form, fault: Fault, names: Mapping[str, str] = MappingProxyType(_FIELDS)
) -> None:
    """Put a fault beside the field that it is about; with its place where no field is.

    `names` are fields of the form by what the library calls them, where the two differ.
    """
    name = names.get(fault.path, fault.path)
    if name in form.fields:
        form.add_error(name, marked(fault.message))
    else:
        form.add_error(None, f"{fault.path}: {fault.message}")
