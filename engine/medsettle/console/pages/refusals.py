"""What is shown instead of a page: nobody may see it, nothing is there, or a bug of ours."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from medsettle import limits


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for what somebody's role has no right to."""
    text = _("Your role may not open this page. Whoever administers the console gives roles.")
    return _shown(request, 403, text)


def unsure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the page for a form that no page of this session sent, or one that is too old."""
    text = _(
        "Nothing was done: the form you sent is too old, such as one opened before you signed in "
        "again, or your browser keeps no cookies. Go back, load the page again, and send it again."
    )
    return _shown(request, 403, text, _("Sent from an old page"))


def too_large(request: HttpRequest) -> HttpResponse:
    """Return the page for an upload that was refused for its size."""
    most = limits.CONSOLE_UPLOAD_BYTES_MAX // 1024 // 1024
    text = _("Nothing was done: what you sent is larger than %d MiB. Go back and send less.")
    return _shown(request, 413, text % most, _("Too large"))


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an address that is none."""
    return _shown(request, 404, _("There is no page at this address. Choose one beside."))


def broken(request: HttpRequest) -> HttpResponse:
    """Return the page for a bug."""
    return _shown(request, 500, _("A fault of the console; its log tells more. Try again."))


def _shown(request: HttpRequest, status: int, message: str, heading: str = "") -> HttpResponse:
    context = {"message": message, "status": status, "heading": heading}
    return render(request, "console/error.html", context, status=status)
