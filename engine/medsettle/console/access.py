"""Who may open a page: what every view is wrapped in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from medsettle.console.models import Account
from medsettle.identity.roles import Right

View: TypeAlias = Callable[..., HttpResponseBase]


def account_of(request: HttpRequest) -> Account:
    """Return who asks; a page asks only behind `page`, which lets nobody else in."""
    return cast("Account", request.user)


def page(right: Right, *, acting: Right | None = None) -> Callable[[View], View]:
    """Let only people with a right open a page; `acting` is what sending it something takes.

    Whoever has not signed in is sent to the page for that. Whoever may not is told so before
    anything is looked up: that something exists is no answer to give.
    """

    def wrapped(view: View) -> View:
        @login_required
        @wraps(view)
        def checked(request: HttpRequest, *values: Any, **named: Any) -> HttpResponseBase:  # noqa: ANN401
            is_sent = acting is not None and request.method not in {"GET", "HEAD"}
            needed = {right, acting} if is_sent else {right}
            if not all(account_of(request).may(each) for each in needed if each is not None):
                raise PermissionDenied
            return view(request, *values, **named)

        return checked

    return wrapped
