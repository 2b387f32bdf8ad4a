"""Who signed in, who tried to and was refused, and who signed out: written into the log."""

from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.utils import timezone

from medsettle import limits
from medsettle.console.place import holdings

SUBJECT: Final = "sign-in"
"""What rows of the log are about that tell of signing in or out."""

_SINCE: Final = "since"
_REFUSED: Final = 401
_NAME_CHARS: Final = 150


def write_down() -> None:
    """Let the log have every sign-in from now on."""
    # Django keeps no receiver alive: these are functions of this module.
    user_logged_in.connect(_signed_in, dispatch_uid="signed-in")
    user_login_failed.connect(_refused, dispatch_uid="refused")
    user_logged_out.connect(_signed_out, dispatch_uid="signed-out")


def _signed_in(request: HttpRequest | None, user: Any, **_: object) -> None:  # noqa: ANN401
    if request is not None:
        request.session[_SINCE] = int(holdings().clock().timestamp())
    _write(request, user.get_username(), "sign-in", 200)


def is_over(request: HttpRequest) -> bool:
    """Whether whoever asks signed in so long ago that it counts no more."""
    since = float(request.session.get(_SINCE, 0))
    return holdings().clock().timestamp() - since >= limits.CONSOLE_SESSION_SECONDS_MAX


def _refused(request: HttpRequest | None, credentials: dict[str, Any], **_: object) -> None:
    if not _may_be_written():
        return
    _write(request, str(credentials.get("username", "")), "sign-in", _REFUSED)


def _may_be_written() -> bool:
    """Whether the log takes another refusal: whoever sends them does not fill the disk."""
    from medsettle.console.models import Access  # noqa: PLC0415 - as below

    refused = Access.objects.filter(subject=SUBJECT, status=_REFUSED).order_by("-id")
    last = limits.SIGN_IN_REFUSED_ROWS_MAX - 1
    day_ago = timezone.now() - timedelta(days=1)
    return not any(each.moment > day_ago for each in refused[last : last + 1])


def _signed_out(request: HttpRequest | None, user: Any, **_: object) -> None:  # noqa: ANN401
    if user is not None:
        _write(request, user.get_username(), "sign-out", 200)


def _write(request: HttpRequest | None, account: str, page: str, status: int) -> None:
    if request is None or request.method is None:
        # No browser asked: a program that belongs to the console signed somebody in.
        return
    # Models exist only once Django has been set up.
    from medsettle.console.models import Access  # noqa: PLC0415

    Access.objects.create(
        moment=timezone.now(),
        account=account[:_NAME_CHARS],
        method=request.method,
        page=page,
        path=request.path[: limits.CONSOLE_PATH_CHARS_MAX],
        subject=SUBJECT,
        status=status,
    )
