"""The pages in the order in which they stand beside each other."""

from typing import Any, Final, NamedTuple

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from medsettle.console.access import account_of
from medsettle.console.roles import ROLE_TITLES
from medsettle.identity.roles import Right, Role, rights_of


class Link(NamedTuple):
    """A page that the sidebar names: its view, title, key of the keyboard, and who may open it."""

    view: str
    title: Any
    key: str
    right: Right


LINKS: Final = (
    Link("today", _("Today"), "t", Right.LOOK),
    Link("settlements", _("Settlements"), "s", Right.LOOK),
    Link("trial", _("Try a claim"), "c", Right.TRY),
    Link("policies", _("Policies"), "p", Right.POLICIES),
    Link("reconciliation", _("Reconciliation"), "r", Right.SEE_RECONCILIATION),
    Link("clearing", _("Clearing"), "m", Right.SEE_CLEARING),
    Link("own-account", _("Payments to us"), "u", Right.OWN_ACCOUNT),
    Link("replays", _("Replay"), "y", Right.SEE_REPLAYS),
    Link("audit", _("Audit"), "a", Right.AUDIT),
    Link("people", _("People"), "o", Right.PEOPLE),
)


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the first page that somebody may open."""
    first = next((link for link in LINKS if account_of(request).may(link.right)), None)
    if first is None:
        raise PermissionDenied
    return redirect(first.view)


def around(request: HttpRequest) -> dict[str, object]:
    """Return what every page shows around its content."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    here = request.path
    links = [
        {
            "title": link.title,
            "url": reverse(link.view),
            "key": link.key,
            "here": here.startswith(reverse(link.view)),
        }
        for link in LINKS
        if user.may(link.right)
    ]
    return {
        "links": links,
        "rights": rights_of(user.role),
        "role_title": ROLE_TITLES[Role(user.role)] if user.role in set(Role) else user.role,
    }
