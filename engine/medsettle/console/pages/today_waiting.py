"""What waits for somebody: open cases with other areas, alarms of clearing, what is overdue."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from medsettle import limits
from medsettle.clearing.items.listing import (
    Counts,
    Narrowed,
    Standing,
    counted,
    part_of_runs,
)
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.notices.book import Wanted, notices_wanted
from medsettle.clearing.prepayments.prepayment import Level
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.clearing.prepayments.terms import load_prepayment_rules
from medsettle.clearing.prepayments.years import Behind, behind_on
from medsettle.console.models import Account
from medsettle.console.pages.clearing_stores import items, months, prepayments
from medsettle.console.place import Holdings
from medsettle.console.templatetags.console import yuan
from medsettle.errors import NotFound
from medsettle.identity.roles import Right
from medsettle.peers.case_counts import OpenWith, open_with

_RUNS_LOOKED_AT = 20
_SENTENCES_SHOWN = 5


class Waiting(NamedTuple):
    """One thing that waits: what it is, how many there are, more of it, and where it is shown.

    `tone` is `bad`, `warn`, or empty where nothing waits.
    """

    what: str
    cases: int
    more: str
    url: str
    tone: str


def waiting_for(held: Holdings, account: Account, today: date) -> dict[str, Any]:
    """Return what waits, as far as a person may see it: an institution sees none of it."""
    if account.sees_institution is not None:
        return {}
    cases = open_with(held.place.data, held.clock())
    found = _of_peers(cases)
    sentences: list[str] = []
    if account.may(Right.SEE_RECONCILIATION):
        found += _of_items(today, sentences)
    if account.may(Right.SEE_CLEARING):
        found += _of_notices(today)
        found += _of_prepayments(today, sentences)
    return {"waiting": found, "cases": cases, "sentences": sentences[:_SENTENCES_SHOWN]}


def _of_peers(cases: list[OpenWith]) -> list[Waiting]:
    texts = (
        ("unknown", _("requests to other areas without an answer"), "bad"),
        ("delivery", _("records that another area has not taken yet"), "warn"),
    )
    found = []
    for kind, what, tone in texts:
        own = [each for each in cases if each.kind == kind]
        count = sum(each.cases for each in own)
        more = ""
        if own:
            oldest = timedelta(seconds=own[0].seconds)
            more = _("the oldest for %s") % oldest
        found.append(Waiting(what, count, more, "#peers" if count else "", tone if count else ""))
    return found


def _of_items(today: date, sentences: list[str]) -> list[Waiting]:
    with items() as store:
        if store is None:
            return []
        overdue = counted(store, Narrowed(standing=Standing.OVERDUE), today)
        proposed = counted(store, Narrowed(standing=Standing.TO_APPROVE), today)
        runs = part_of_runs(store, size=_RUNS_LOOKED_AT)
    raised = [
        f"{run.reconciliation}: {alarm}"
        for run in runs
        if run.superseded_by is None
        for alarm in run.alarms
    ]
    sentences += raised
    url = reverse("reconciliation-runs")
    return [
        _of_differences(_("differences after their day"), overdue, Standing.OVERDUE, "bad"),
        _of_differences(_("differences to approve"), proposed, Standing.TO_APPROVE, "warn"),
        Waiting(_("alarms of reconciliation"), len(raised), "", url, "bad" if raised else ""),
    ]


def _of_differences(what: str, found: Counts, standing: Standing, tone: str) -> Waiting:
    more = _("%s yuan at risk") % yuan(found.at_risk_fen) if found.items else ""
    url = f"{reverse('differences')}?standing={standing}"
    return Waiting(what, found.items, more, url, tone if found.items else "")


def _of_notices(today: date) -> list[Waiting]:
    with months() as store:
        if store is None:
            return []
        wanted = Wanted(overdue_on=today)
        late = notices_wanted(store, wanted, after=0, most=limits.INT64_MAX)
    more = _("%s yuan are open") % yuan(sum(each.open_fen for each in late)) if late else ""
    url = f"{reverse('clearing-notices')}?state=overdue"
    tone = "bad" if late else ""
    return [Waiting(_("clearing notices after their day"), len(late), more, url, tone)]


def _of_prepayments(today: date, sentences: list[str]) -> list[Waiting]:
    rules = load_prepayment_rules()
    with prepayments() as store:
        if store is None:
            return []
        month = store.last_month()
        usages = [] if month is None else store.usages(month, rules)
        unpaid = store.unpaid(today)
        behind, unsaid = _behind(store, today)
    raised = [each for each in usages if each.level is not Level.NORMAL]
    red = sum(each.level is Level.RED for each in raised)
    late = [each for each in unpaid if each.overdue_days]
    sentences += [f"{each.line}: {each.reason}" for each in raised]
    sentences += [f"{each.line}: {each.reason}" for each in behind]
    sentences += unsaid
    url = reverse("clearing-prepayments")
    more = ngettext("%d is red", "%d are red", red) % red if red else ""
    open_fen = sum(each.notice.open_fen for each in late)
    owed = _("%s yuan are open") % yuan(open_fen) if late else ""
    tone = "bad" if red else "warn" if raised else ""
    return [
        Waiting(_("prepayments at yellow or red"), len(raised), more, url, tone),
        Waiting(
            _("prepayment notices after their day"), len(late), owed, url, "bad" if late else ""
        ),
        Waiting(
            _("prepayments not recalculated in time"),
            len(behind),
            "",
            url,
            "bad" if behind else "",
        ),
    ]


def _behind(store: PrepaymentStore, today: date) -> tuple[list[Behind], list[str]]:
    """Return the lines that were not recalculated in time, or why that cannot be said."""
    try:
        return behind_on(store, today, load_calendar()), []
    except NotFound as error:
        return [], [str(error)]
