"""Two policies compared by what they mean: who gains or loses what, at which bills, from when."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.access import account_of, page
from medsettle.console.models import Account
from medsettle.console.polled import polled
from medsettle.console.versions import policies_chosen, policy_of
from medsettle.identity.roles import Right
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.difference import Change, Moment, Topic, moments
from medsettle.policy.difference_stages import differences
from medsettle.policy.difference_words import band_words, classes_words, value_words
from medsettle.settle.effects import Effect, Effects, effects_of

_TOPICS: Final = {
    Topic.SCOPE: gettext_lazy("What it is for"),
    Topic.STAGE: gettext_lazy("Who pays"),
    Topic.VALUE: gettext_lazy("Values"),
    Topic.CONDITION: gettext_lazy("For whom"),
    Topic.SWITCH: gettext_lazy("How it is computed"),
    Topic.COUNTER: gettext_lazy("What is carried from one settlement to the next"),
    Topic.CLASS: gettext_lazy("Who belongs where"),
    Topic.EVIDENCE: gettext_lazy("Sources and confidence"),
}
_GROUPS_DRAWN: Final = 8


class Pair(forms.Form):
    """Which two policies are compared, and on which days where not on those of both."""

    old = forms.ChoiceField(label=gettext_lazy("as it was"))
    new = forms.ChoiceField(label=gettext_lazy("as it is to be"))
    old_day = forms.DateField(
        label=gettext_lazy("the first on the day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    new_day = forms.DateField(
        label=gettext_lazy("the second on the day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, asked: Any, account: Account) -> None:  # noqa: ANN401 - what Django takes
        super().__init__(asked)
        choices = policies_chosen(account)
        for name in ("old", "new"):
            self.fields[name].choices = choices  # type: ignore[attr-defined]


class Told(NamedTuple):
    """A change as a row of a table."""

    where: str
    whom: str
    band: str
    before: str
    after: str
    change: Change


class Sampled(NamedTuple):
    """A bill, what the person bears of it before and after, and what they gain, in fen."""

    total: int
    before: int
    after: int
    gain: int


class Bearing(NamedTuple):
    """What the changes cost or save a group, and the bills at which that was sampled."""

    whom: str
    gains: tuple[int, int] | None
    loses: tuple[int, int] | None
    bills: list[Sampled]


@page(Right.POLICIES)
def compared(request: HttpRequest) -> HttpResponse:
    """Show what two policies say differently; what that means in yuan is worked out behind it."""
    form = Pair(request.GET or None, account_of(request))
    context: dict[str, object] = {"title": _("Compare two policies"), "form": form}
    if form.is_bound and form.is_valid():
        found = _Compared.of(form, account_of(request))
        groups = [
            (title, [_told(each) for each in found.changes if each.topic is topic])
            for topic, title in _TOPICS.items()
        ]
        context |= {
            "old": found.old,
            "new": found.new,
            "same": not found.changes,
            "changes": [(title, rows) for title, rows in groups if rows],
            # Without a script it is asked for by a link, and stands in the page.
            "effects": found.effects() if "effects" in request.GET else None,
        }
    return render(request, "console/policy_compare.html", context)


@page(Right.POLICIES)
@polled
def borne(request: HttpRequest) -> HttpResponse:
    """Show what the person bears under each of two policies, as a part of the page above."""
    form = Pair(request.GET, account_of(request))
    effects = _Compared.of(form, account_of(request)).effects() if form.is_valid() else []
    answer = render(request, "console/policy_effects.html", {"effects": effects})
    answer.headers["X-Done"] = "yes"
    return answer


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two policies, the days on which they are looked at, and what differs."""

    old: CompiledPolicy
    new: CompiledPolicy
    stretches: list[Moment]
    changes: list[Change]

    @classmethod
    def of(cls, form: Pair, account: Account) -> "_Compared":
        """Return what a filled-in form asks to compare."""
        given = form.cleaned_data
        old, new = (policy_of(given[name], account) for name in ("old", "new"))
        stretches = moments(old.policy, new.policy, given["old_day"], given["new_day"])
        return cls(old, new, stretches, differences(old.policy, new.policy, stretches))

    def effects(self) -> list[dict[str, object]]:
        """Return what the changes mean in yuan, for whom and at which bills."""
        return [
            {
                "found": each,
                "groups": [_bearing(one) for one in _shown(each)],
                "more": max(0, len(each.changed) - limits.DIFFERENCE_GROUPS_SHOWN_MAX),
                "same": [classes_words(classes) for classes in each.unchanged],
                "figure": _figure(each),
            }
            for each in effects_of(self.old, self.new, self.stretches, self.changes)
        ]


def _shown(found: Effects) -> tuple[Effect, ...]:
    return found.changed[: limits.DIFFERENCE_GROUPS_SHOWN_MAX]


def _told(change: Change) -> Told:
    return Told(
        " ".join(filter(None, (change.stage, change.what))),
        classes_words(change.classes) if change.classes else "",
        band_words(change.band) if change.band is not None else "",
        value_words(change.before, change.unit),
        value_words(change.after, change.unit),
        change,
    )


def _bearing(effect: Effect) -> Bearing:
    """Return at which sampled bill a group gains and loses most; None where it never does."""
    steps = [(bill.before - bill.after, bill.total) for bill in effect.bills]
    gain = max(steps)
    loss = max((-step, total) for step, total in steps)
    return Bearing(
        classes_words(effect.classes),
        gain if gain[0] > 0 else None,
        loss if loss[0] > 0 else None,
        [Sampled(*bill, bill.before - bill.after) for bill in effect.bills],
    )


def _figure(found: Effects) -> dict[str, Any] | None:
    """Return what each group gains or loses by its bill, as a chart; None where nobody does."""
    if not found.changed:
        return None
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": classes_words(effect.classes),
                # Yuan, for the eye alone; the tables have every fen.
                "x": [bill.total / 100 for bill in effect.bills],
                "y": [(bill.before - bill.after) / 100 for bill in effect.bills],
                "line": {"color": f"--accent-{number}", "width": 2},
                "marker": {"color": f"--accent-{number}", "size": 6},
            }
            for number, effect in enumerate(found.changed[:_GROUPS_DRAWN], 1)
        ],
        "layout": {
            "xaxis": {"title": {"text": _("bill, yuan")}},
            "yaxis": {"title": {"text": _("the person gains, yuan")}},
            "legend": {"orientation": "h", "y": -0.3},
            "margin": {"l": 60, "r": 10, "t": 10, "b": 50},
        },
    }
