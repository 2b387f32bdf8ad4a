"""One prepayment: what stands and is left, where the month is going, its notices and increases."""

from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.prepayments.forecast import Forecast
from medsettle.clearing.prepayments.forecast import forecast as forecast_of
from medsettle.clearing.prepayments.increase import Increase, Increases, IncreaseState
from medsettle.clearing.prepayments.notices import Notice
from medsettle.clearing.prepayments.prepayment import Level, Line, Usage, line_of, threshold_fen
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.clearing.prepayments.terms import (
    PrepaymentRules,
    PrepaymentTerms,
    load_prepayment_rules,
)
from medsettle.console.access import page
from medsettle.console.acts import Act, By, DayField, ReasonForm, YuanField, done
from medsettle.console.pages.clearing_charts import trend_figure
from medsettle.console.pages.clearing_days import Days, days_known
from medsettle.console.pages.clearing_stores import prepayments_there, today
from medsettle.console.pages.clearing_words import (
    INCREASE_WORDS,
    LEVEL_WORDS,
    NOTICE_KIND_WORDS,
    fund_line_word,
)
from medsettle.console.parts import finished
from medsettle.console.polled import polled
from medsettle.core.money import BPS, yuan_from_fen
from medsettle.errors import NotFound, SettlementError
from medsettle.identity.roles import Right

_TEXT: Final = limits.CLEARING_TEXT_CHARS_MAX
_DAY: Final = timedelta(days=1)


class _AmountForm(forms.Form):
    yuan = YuanField(label=gettext_lazy("yuan"))


class TopUpForm(forms.Form):
    """What would be paid in: what if."""

    top_up = YuanField(label=gettext_lazy("what if so many yuan were paid in"), required=False)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def shown(request: HttpRequest, insured: str, care: str, fund: str) -> HttpResponse:
    """Show a prepayment, and do what may be done about it."""
    line, rules = line_of(insured, care, fund), load_prepayment_rules()
    with prepayments_there() as store:
        notices = store.notices(line)
        month = store.last_month()
        usage = None if month is None else store.usage(line, month, rules)
        if not notices and usage is None:
            raise NotFound(f"nothing is recorded of the prepayment {line}")
        increases = [each for each in Increases(store, rules).all() if each.line == line]
        red = usage is not None and usage.level is Level.RED
        acts = _acts(store, rules, line, notices, increases, month if red else None)
        was_done, offered = done(request, acts)
        if was_done:
            return redirect("clearing-prepayment", insured=insured, care=care, fund=fund)
        now = today()
        context = {
            "title": _("Prepayment of %(insured)s to %(care)s")
            % {"insured": insured, "care": care},
            "part": "prepayments",
            "line": line,
            "word": fund_line_word(fund),
            "usage": usage,
            "standing_fen": store.standing_fen(line),
            "notices": [
                (each, NOTICE_KIND_WORDS[each.kind], bool(each.open_fen) and each.due_day < now)
                for each in reversed(notices)
            ],
            "increases": [
                (each, INCREASE_WORDS[each.state],
                 [(step, INCREASE_WORDS[step.state]) for step in each.steps])
                for each in reversed(increases)
            ],
            "offers": offered,
            "top_up": TopUpForm(request.GET),
            **({} if usage is None else gauge(usage, rules.on(usage.month))),
            "query": request.GET.urlencode(),
        }  # fmt: skip
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_prepayment.html", context, status=status)


def used_bps(usage: Usage) -> int:
    """Return how far a line is used up in 1/10,000; all of it where nothing stands."""
    return usage.cleared_fen * BPS // usage.standing_fen if usage.standing_fen > 0 else BPS


def gauge(usage: Usage, terms: PrepaymentTerms) -> dict[str, Any]:
    """Return how far a line is used up, with where its gauge stands in per cent of its width."""
    return {
        "usage": usage,
        "line": usage.line,
        "word": fund_line_word(usage.line.fund),
        "level": LEVEL_WORDS[usage.level],
        "tone": {"yellow": "warn", "red": "bad"}.get(usage.level.value, "good"),
        "width": min(100, max(0, used_bps(usage) // 100)),
        "left_fen": usage.standing_fen - usage.cleared_fen,
        "yellow_fen": threshold_fen(usage.standing_fen, terms.yellow_bps),
        "red_fen": threshold_fen(usage.standing_fen, terms.red_bps),
        "yellow_at": terms.yellow_bps // 100,
        "red_at": terms.red_bps // 100,
    }


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
@polled
def trend(request: HttpRequest, insured: str, care: str, fund: str) -> HttpResponse:
    """Show where the month of a prepayment is going: a part of its page."""
    form = TopUpForm(request.GET)
    top_up_fen = (form.cleaned_data["top_up"] or 0) if form.is_valid() else 0
    context: dict[str, Any] = {}
    try:
        line, rules = line_of(insured, care, fund), load_prepayment_rules()
        days = days_known(today())
        own = days.by_line.get(line)
        if own is not None:
            with prepayments_there() as store:
                context = _forecast(store, rules, line, days, top_up_fen)
    except SettlementError as error:
        context = {"fault": str(error)}
    return finished(request, "console/clearing_trend.html", context)


def _forecast(
    store: PrepaymentStore, rules: PrepaymentRules, line: Line, days: Days, top_up_fen: int
) -> dict[str, Any]:
    own, until = days.by_line[line], days.until
    terms = rules.on(until.replace(day=1))
    found = forecast_of(
        line, own, until, store.standing_fen(line, until), terms,
        load_calendar().working_days, top_up_fen,
    )  # fmt: skip
    levels = [
        (_("yellow"), "--accent-3", threshold_fen(found.standing_fen, terms.yellow_bps)),
        (_("red"), "--accent-5", threshold_fen(found.standing_fen, terms.red_bps)),
        (_("all that stands"), "--accent-7", found.standing_fen),
    ]
    seen = _sums(found, own)
    path_ = [(each.day, each.least_fen, each.expected_fen, each.most_fen) for each in found.path]
    last = found.path[-1]
    return {
        "forecast": found,
        "last": last,
        "who": days.who,
        "figure": trend_figure(seen, path_, levels),
        "crossings": [(LEVEL_WORDS[each.level], each) for each in found.crossings],
        "days": [*[(day, fen, None) for day, fen in seen],
                 *[(each.day, None, each) for each in found.path[1:]]],
    }  # fmt: skip


def _sums(found: Forecast, own: Any) -> list[tuple[date, int]]:  # noqa: ANN401 - days to fen
    """Return what the month came to by each day that was seen."""
    sums, fen = [], 0
    for at in range((found.seen_until - found.month).days + 1):
        day = found.month + at * _DAY
        fen += own.get(day, 0)
        sums.append((day, fen))
    return sums


def _acts(
    store: PrepaymentStore,
    rules: PrepaymentRules,
    line: Line,
    notices: list[Notice],
    increases: list[Increase],
    red_month: date | None,
) -> list[Act]:
    """Return what may be done about a prepayment as it stands."""
    acts = []
    if open_notices := [each for each in notices if each.open_fen]:
        acts.append(_paying(store, open_notices))
    under_way = [each for each in increases if each.under_way]
    steps = Increases(store, rules)
    if red_month is not None and not under_way:

        def request(given: dict[str, Any], by: By) -> str:
            found = steps.request(line, red_month, given["yuan"], by.today, by.who, by.moment)
            return _("Increase %d is asked for; somebody else reviews it.") % found.id

        acts.append(Act("request", gettext_lazy("Ask for an increase"), request, _AmountForm))
    for each in under_way:
        if each.state is IncreaseState.REQUESTED:
            acts += [
                _reviewing(steps, each, approved=True),
                _reviewing(steps, each, approved=False),
            ]
        elif each.state is IncreaseState.APPROVED:
            title = gettext_lazy("Issue the notice of the increase")
            acts.append(Act("notice", title, partial(_noticed, steps, each)))
    return acts


def _paying(store: PrepaymentStore, open_notices: list[Notice]) -> Act:
    choices = [
        (each.number, f"{each.number}: {yuan_from_fen(each.open_fen)}") for each in open_notices
    ]
    fields: dict[str, Any] = {
        "notice": forms.ChoiceField(label=gettext_lazy("notice"), choices=choices),
        "yuan": YuanField(label=gettext_lazy("yuan")),
        "reference": forms.CharField(
            label=gettext_lazy("reference of the bank"), max_length=_TEXT,
            help_text=gettext_lazy("What tells the payment: its EndToEndId. It counts once."),
        ),
        "on": DayField(label=gettext_lazy("day on which it counts")),
    }  # fmt: skip

    def run(given: dict[str, Any], by: By) -> str:
        paid = store.pay(given["notice"], given["yuan"], given["on"], given["reference"],
                         by.who, by.moment)  # fmt: skip
        told = {"notice": paid.number, "open": yuan_from_fen(paid.open_fen)}
        return _("The payment is registered; %(open)s yuan of %(notice)s are open.") % told

    form = type("PayForm", (forms.Form,), fields)
    title = gettext_lazy("Register a payment")
    return Act("pay", title, run, form, initial={"notice": choices[0][0]})


def _reviewing(steps: Increases, each: Increase, *, approved: bool) -> Act:
    def run(given: dict[str, Any], by: By) -> str:
        steps.review(
            each.id, approved=approved, why=given["reason"], day=by.today, who=by.who,
            now=by.moment,
        )  # fmt: skip
        return (
            _("Increase %d is approved.") % each.id
            if approved
            else (_("Increase %d is refused.") % each.id)
        )

    title = (
        gettext_lazy("Approve the increase") if approved else gettext_lazy("Refuse the increase")
    )
    more = gettext_lazy("Somebody else than who asked for it reviews it.")
    name = "approve" if approved else "refuse"
    return Act(name, title, run, ReasonForm, right=Right.APPROVE, more=more)


def _noticed(steps: Increases, each: Increase, given: dict[str, Any], by: By) -> str:
    del given
    found = steps.notice(each.id, by.today, by.who, load_calendar().working_days, by.moment)
    told = {"notice": found.number, "due": found.due_day}
    return _("Notice %(notice)s is issued, to be paid by %(due)s.") % told


urls = [
    path(
        "prepayments/<str:insured>/<str:care>/<str:fund>", shown, name="clearing-prepayment"
    ),
    path(
        "prepayments/<str:insured>/<str:care>/<str:fund>/trend", trend,
        name="clearing-prepayment-trend",
    ),
]  # fmt: skip
