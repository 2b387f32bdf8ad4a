"""What stands around every page: its headers, the log of who asked, and faults told in words."""

import logging
from collections.abc import Callable
from typing import Final, TypeAlias

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import ResolverMatch
from django.utils import timezone

from medsettle import errors, limits
from medsettle.console.acts import NoMore
from medsettle.console.models import Access
from medsettle.console.place import without_folder
from medsettle.console.polled import is_polled
from medsettle.console.signing import is_over

logger = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[HttpRequest], HttpResponse]

_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# A year.
_HTTPS_ALONE: Final = "max-age=31536000"
_SIGNING: Final = ("sign-in", "sign-out")
_QUERY: Final = "audit-query"
_TRIAL: Final = "trial"
_READING: Final = ("GET", "HEAD")
# As `console.js` says of itself.
_SCRIPT: Final = "fetch"
_REFUSED: Final = 400
_BROKEN: Final = 500
_STATUS: Final = (
    (errors.NotFound, 404),
    (errors.LedgerUnavailable, 503),
    (errors.AuditCorrupt, 500),
    (errors.InternalError, 500),
)


class Secured:
    """Adds the headers by which a browser fetches nothing from elsewhere."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer with its headers."""
        response = self._answer(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        if request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", _HTTPS_ALONE)
        if not request.path.startswith("/static/"):
            # Health data stays in no cache of a shared machine.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class Ended:
    """Signs people out who signed in too long ago; they sign in again before they see a page."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to whoever still is signed in, or to nobody."""
        if request.user.is_authenticated and is_over(request):
            logout(request)
        return self._answer(request)


class Logged:
    """Writes down who asked for which page; what is polled by a page is not asked by a person.

    Polled is only what the script of a page asks for, and is shown: a refusal is always written
    down, and so is what somebody opens by its address.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer, which leaves after it was written down."""
        response = self._answer(request)
        match = request.resolver_match
        if match is None or not request.user.is_authenticated:
            return response
        by_script = request.headers.get("X-Requested-With") == _SCRIPT
        if is_polled(match.func) and by_script and response.status_code < _REFUSED:
            return response
        if match.url_name in _SIGNING:
            # Written down where it is decided, also of whom is refused.
            return response
        Access.objects.create(
            moment=timezone.now(),
            account=request.user.get_username(),
            method=request.method or "",
            page=match.url_name or "",
            path=request.get_full_path()[: limits.CONSOLE_PATH_CHARS_MAX],
            query=_query(request, match.url_name),
            subject=_subject(request, match)[: limits.CODE_CHARS_MAX],
            status=response.status_code,
        )
        return response


def _subject(request: HttpRequest, match: ResolverMatch) -> str:
    """Return what was looked at: what an address names, of a page that is filled in from it too."""
    if match.url_name == _TRIAL and request.method in _READING:
        return request.GET.get("settlement", "")
    return str(next(iter(match.kwargs.values()), ""))


def _query(request: HttpRequest, page: str | None) -> str:
    """Return the query of an auditor, which its address may be too long to show."""
    asked = request.GET.get("sql", "").strip() if page == _QUERY else ""
    return asked[: limits.CONSOLE_QUERY_CHARS_MAX]


class Told:
    """Shows what a page raised as a page of its own, with what to do about it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer."""
        return self._answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return a page for an error that somebody can do something about; None for a bug."""
        if isinstance(error, NoMore):
            context = {"message": str(error), "status": 409, "now": request.path}
            return render(request, "console/error.html", context, status=409)
        if not isinstance(error, errors.SettlementError | FileNotFoundError):
            return None
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
        if status == _BROKEN:
            logger.error("a page failed", exc_info=error, extra={"request": request})
        faults = error.faults if isinstance(error, errors.InvalidRequest) else ()
        # Whoever may open a page that goes by rules may read them, so their faults are no secret.
        rejected = isinstance(error, errors.PolicyRejected)
        message = without_folder(str(error)) if rejected else str(error)
        context = {"title": None, "message": message, "faults": faults, "status": status}
        return render(request, "console/error.html", context, status=status)
