"""Policies: the list, one as tables beside its citations, its source, and two compared."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from medsettle import limits
from medsettle.console.access import account_of, page
from medsettle.console.pages import drafts
from medsettle.console.pages.comparison import borne, compared
from medsettle.console.place import holdings
from medsettle.console.templatetags.console import code_word
from medsettle.console.versions import (
    Proof,
    drafts_seen,
    policy_text,
    proofs,
    prove_examples,
    rules_in_force,
    sees_drafts,
    testing,
)
from medsettle.core.code_words import INSURANCE_TYPE_WORDS
from medsettle.errors import PolicyRejected
from medsettle.identity.roles import Right
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.description import described
from medsettle.policy.example_names import examples_beside
from medsettle.policy.examples import Example
from medsettle.policy.rule_book import RuleBook

_ANY: Final = [("", gettext_lazy("all"))]


class Filters(forms.Form):
    """What the list of policies is narrowed to."""

    q = forms.CharField(
        label=gettext_lazy("name or title"),
        max_length=limits.CODE_CHARS_MAX,
        required=False,
        widget=forms.TextInput(attrs={"data-search": ""}),
    )
    area = forms.ChoiceField(label=gettext_lazy("pooling area"), required=False)
    insurance_type = forms.ChoiceField(label=gettext_lazy("insurance type"), required=False)
    after = forms.CharField(required=False, widget=forms.HiddenInput)
    before = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, asked: Any, book: RuleBook) -> None:  # noqa: ANN401 - what Django takes
        super().__init__(asked)
        areas = [(code, f"{code} {area.name}") for code, area in sorted(book.areas.items())]
        kinds = {each.policy.insurance_type for each in book.policies}
        self.fields["area"].choices = [*_ANY, *areas]  # type: ignore[attr-defined]
        self.fields["insurance_type"].choices = [  # type: ignore[attr-defined]
            *_ANY,
            *((code, code_word(code)) for code in INSURANCE_TYPE_WORDS if code in kinds),
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """A policy of the list, and what came of its examples; None where they were not tested."""

    compiled: CompiledPolicy
    proofs: list[Proof] | None

    @property
    def passed(self) -> int:
        """How many examples come out."""
        return sum(not each.faults for each in self.proofs or ())

    @property
    def key(self) -> str:
        """Where it stands in the list."""
        return _key(self.compiled)


def _key(compiled: CompiledPolicy) -> str:
    return f"{compiled.policy.pooling_area} {compiled.policy.name}"


@page(Right.POLICIES)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the loaded policies, by area and name."""
    book = rules_in_force()
    filters = Filters(request.GET, book)
    narrowed = filters.cleaned_data if filters.is_valid() else {}
    rows, later, earlier = _part(book, narrowed)
    context = {
        "title": _("Policies"),
        "filters": filters,
        "rows": rows,
        "later": later,
        "earlier": earlier,
        "count": len(book.policies),
        "areas": len(book.areas),
        "drafts": len(drafts_seen(account_of(request))),
        "sees_drafts": sees_drafts(account_of(request)),
        "may_draft": account_of(request).may(Right.DRAFT),
    }
    return render(request, "console/policies.html", context)


def _part(book: RuleBook, narrowed: dict[str, Any]) -> tuple[list[Row], str | None, str | None]:
    """Return the rows from a place of the list on, and the places that its neighbours have."""
    words = narrowed.get("q", "").casefold()
    found = [
        each
        for each in sorted(book.policies, key=_key)
        if narrowed.get("area") in {None, "", each.policy.pooling_area}
        and narrowed.get("insurance_type") in {None, "", each.policy.insurance_type}
        and (words in each.policy.name.casefold() or words in each.policy.title.casefold())
    ]
    size = limits.CONSOLE_ROWS_SHOWN
    after, before = narrowed.get("after"), narrowed.get("before")
    if before:
        shown = [each for each in found if _key(each) < before][-size:]
    else:
        shown = list(islice((each for each in found if _key(each) > (after or "")), size))
    if not shown:
        return [], None, None
    known = proofs()
    rows = [Row(each, known.get(each.policy.name)) for each in shown]
    later = rows[-1].key if shown[-1] is not found[-1] else None
    earlier = rows[0].key if shown[0] is not found[0] else None
    return rows, later, earlier


@page(Right.POLICIES)
def shown(request: HttpRequest, policy: str) -> HttpResponse:
    """Show one policy: who pays, what is counted, every table beside its source, its examples."""
    compiled = rules_in_force().policy(policy)
    examples, unread = _examples(compiled)
    may_draft = account_of(request).may(Right.DRAFT)
    context = {
        "said": described(compiled),
        "title": compiled.policy.name,
        "file": _file(compiled),
        "proofs": proofs().get(policy),
        "examples": examples,
        "unread": unread,
        "test_url": may_draft and reverse("test-policy", args=[policy]),
        "example_base": {"policy": policy},
        "source_url": reverse("policy-source", args=[policy]),
        "others": [
            each
            for each in rules_in_force().policies
            if each is not compiled
            and each.policy.pooling_area == compiled.policy.pooling_area
            and each.policy.insurance_type == compiled.policy.insurance_type
            and set(each.policy.visit_types) & set(compiled.policy.visit_types)
        ],
        "sees_drafts": sees_drafts(account_of(request)),
        "may_draft": may_draft,
        "may_try": account_of(request).may(Right.TRY),
    }
    return render(request, "console/policy.html", context)


@page(Right.POLICIES)
def source(request: HttpRequest, policy: str) -> HttpResponse:
    """Show the document of a policy as it is written, each line with its number."""
    compiled = rules_in_force().policy(policy)
    context = {
        "title": _file(compiled),
        "lines": policy_text(compiled).splitlines(),
        "back": reverse("policy", args=[policy]),
        "name": policy,
        "digest": compiled.digest,
    }
    return render(request, "console/policy_source.html", context)


@require_POST
@page(Right.DRAFT)
def tested(request: HttpRequest, policy: str) -> HttpResponse:
    """Settle the worked examples of a policy, and show what came of them."""
    with testing():
        prove_examples(rules_in_force().policy(policy))
    return redirect(f"{reverse('policy', args=[policy])}#examples")


@require_POST
@page(Right.DRAFT)
def tested_part(request: HttpRequest) -> HttpResponse:
    """Settle the worked examples of the policies of a part of the list."""
    book = rules_in_force()
    filters = Filters(request.GET, book)
    rows, _later, _earlier = _part(book, filters.cleaned_data if filters.is_valid() else {})
    with testing():
        found = [each for row in rows for each in prove_examples(row.compiled)]
    failed = sum(bool(each.faults) for each in found)
    said = _("%(passed)d of %(all)d examples come out.")
    told = said % {"passed": len(found) - failed, "all": len(found)}
    (messages.warning if failed else messages.success)(request, told)
    query = request.GET.urlencode()
    return redirect(f"{reverse('policies')}?{query}" if query else reverse("policies"))


def _examples(compiled: CompiledPolicy) -> tuple[list[Example], list[str]]:
    """Return the examples of a policy, or what is wrong with those of its area."""
    try:
        return examples_beside(compiled.policy), []
    except PolicyRejected as error:
        rules = f"{holdings().place.rules}/"
        return [], [str(each).replace(rules, "") for each in error.violations]


def _file(compiled: CompiledPolicy) -> str:
    """Return the document of a policy as its folder of rules names it."""
    file = Path(compiled.policy.file)
    rules = holdings().place.rules
    return str(file.relative_to(rules)) if file.is_relative_to(rules) else file.name


urls: list[URLPattern | URLResolver] = [
    path("", listed, name="policies"),
    path("test", tested_part, name="test-policies"),
    path("compare", compared, name="compare-policies"),
    path("compare/borne", borne, name="policies-borne"),
    path("drafts/", include(drafts.urls)),
    path("named/<str:policy>/", shown, name="policy"),
    path("named/<str:policy>/source", source, name="policy-source"),
    path("named/<str:policy>/test", tested, name="test-policy"),
]
