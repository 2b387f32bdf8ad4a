"""Every page by its address; each module of `pages` lists its own."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import set_language

from medsettle.console import oversize
from medsettle.console.admission import SignIn
from medsettle.console.navigation import home
from medsettle.console.pages import (
    audit,
    clearing,
    clearing_own,
    people,
    policies,
    reconciliation,
    refusals,
    replays,
    settlements,
    slip,
    today,
    trial,
)

urlpatterns = [
    path("", home, name="home"),
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("password", people.OwnPassword.as_view(), name="own-password"),
    path("language", set_language, name="language"),
    path(oversize.PATH.lstrip("/"), refusals.too_large, name="too-large"),
    path("today/", include(today.urls)),
    path("settlements/", include(settlements.urls)),
    path("settlements/", include(slip.urls)),
    path("trial/", include(trial.urls)),
    path("policies/", include(policies.urls)),
    path("reconciliation/", include(reconciliation.urls)),
    path("clearing/", include(clearing.urls)),
    path("own-account/", include(clearing_own.urls)),
    path("replays/", include(replays.urls)),
    path("audit/", include(audit.urls)),
    path("people/", include(people.urls)),
]
handler403 = "medsettle.console.pages.refusals.forbidden"
handler404 = "medsettle.console.pages.refusals.missing"
handler500 = "medsettle.console.pages.refusals.broken"
