"""How often a password may be tried: for a name, from an address, and at once.

A try counts as wrong before the password is looked at, so that many sent together are no more than
as many sent one after the other. What was right is taken back.
"""

import ipaddress
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from medsettle import limits
from medsettle.console.models import WrongPasswords
from medsettle.console.place import holdings

# Whoever has an IPv6 address has all that share this much of it.
_PREFIX_BITS: Final = 64
_WAITS: Final = "waits"
_TOO_MANY: Final = 429

_AT_ONCE: Final = threading.BoundedSemaphore(limits.SIGN_IN_PASSWORDS_AT_ONCE)


@contextmanager
def trying(request: HttpRequest, name: str) -> Iterator[None]:
    """Let a password be tried; one that turns out wrong leaves the block by an exception.

    Raises:
        ValidationError: There were too many wrong ones, or too many are tried at this moment.
    """
    if not _AT_ONCE.acquire(blocking=False):
        text = _("Several people sign in at this moment. Try again in a few seconds.")
        raise forms.ValidationError(text, _WAITS)
    try:
        moment, of = holdings().clock(), _counted(request, name)
        seconds = _count(of, moment)
        if seconds:
            raise forms.ValidationError(_waiting(seconds), _WAITS)
        yield
        _take_back(of, moment)
    finally:
        _AT_ONCE.release()


class SignInForm(AuthenticationForm):
    """Name and password, which are tried only so often."""

    def clean(self) -> dict[str, object]:
        """Return what was typed, once it is right."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name is None or not password or self.request is None:
            return super().clean()
        with trying(self.request, name):
            return super().clean()


class OwnPasswordForm(PasswordChangeForm):
    """A new password of somebody who knows the old one, which is tried only so often."""

    def __init__(self, *values: Any, request: HttpRequest, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*values, **named)
        self._request = request

    def clean_old_password(self) -> str:
        """Return the old password, once it is right."""
        with trying(self._request, self.user.get_username()):
            return str(super().clean_old_password())


class SignIn(LoginView):
    """The page on which people sign in."""

    template_name = "console/sign_in.html"
    form_class = SignInForm

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the form again; also programs hear that they have to wait."""
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, _WAITS):
            response.status_code = _TOO_MANY
        return response


def _counted(request: HttpRequest, name: str) -> dict[str, int]:
    """Return what a try counts for, with how many wrong ones are free of waiting."""
    return {
        f"name {name}": limits.SIGN_IN_WRONG_OF_NAME_MAX,
        f"address {_sender(request)}": limits.SIGN_IN_WRONG_OF_ADDRESS_MAX,
    }


def _sender(request: HttpRequest) -> str:
    text = str(request.META.get("REMOTE_ADDR", ""))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[: limits.CODE_CHARS_MAX]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _PREFIX_BITS), strict=False))


@transaction.atomic
def _count(of: dict[str, int], moment: datetime) -> int:
    """Count a try as wrong, and return 0; or the seconds to wait, and count nothing."""
    forgotten = moment - timedelta(seconds=limits.SIGN_IN_FORGOTTEN_SECONDS)
    WrongPasswords.objects.filter(last__lt=forgotten).delete()
    found = {each.of: each for each in WrongPasswords.objects.filter(of__in=of)}
    waits: list[float] = [(each.until - moment).total_seconds() for each in found.values()]
    if any(each > 0 for each in waits):
        return math.ceil(max(waits))
    for what, free in of.items():
        counter = found.get(what) or WrongPasswords(of=what, count=0)
        counter.count += 1
        counter.last = moment
        counter.until = moment + timedelta(seconds=_seconds(counter.count - free))
        counter.save()
    _forget_oldest()
    return 0


def _seconds(beyond: int) -> int:
    """Return how long to wait after so many wrong ones more than are free of it."""
    if beyond < 0:
        return 0
    return min(1 << min(beyond, 30), limits.SIGN_IN_WAIT_SECONDS_MAX)


def _forget_oldest() -> None:
    too_many = WrongPasswords.objects.count() - limits.SIGN_IN_COUNTERS_MAX
    if too_many > 0:
        oldest = WrongPasswords.objects.order_by("last", "id")[:too_many]
        WrongPasswords.objects.filter(pk__in=[each.pk for each in oldest]).delete()


@transaction.atomic
def _take_back(of: dict[str, int], moment: datetime) -> None:
    """Forget the wrong ones of a name that was right now, and this one try of the address."""
    name, address = of
    WrongPasswords.objects.filter(of=name).delete()
    for counter in WrongPasswords.objects.filter(of=address):
        counter.count -= 1
        counter.until = moment
        counter.save()


def _waiting(seconds: int) -> str:
    if seconds < 60:
        text = ngettext(
            "Too many wrong passwords. Try again in %d second.",
            "Too many wrong passwords. Try again in %d seconds.",
            seconds,
        )
        return text % seconds
    minutes = -(-seconds // 60)
    text = ngettext(
        "Too many wrong passwords. Try again in %d minute.",
        "Too many wrong passwords. Try again in %d minutes.",
        minutes,
    )
    return text % minutes
