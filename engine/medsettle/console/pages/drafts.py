"""Drafts of rule documents: handed in, checked as they are written, tested, and discarded."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from medsettle import limits
from medsettle.console.access import account_of, page
from medsettle.console.draft_reading import Papers, Reading, proved, read_papers
from medsettle.console.drafts import Draft, Drafts, drafts_in
from medsettle.console.models import Account
from medsettle.console.once import OnceField, made_once
from medsettle.console.place import holdings
from medsettle.console.polled import polled
from medsettle.console.versions import (
    Proof,
    policy_text,
    proofs,
    rules_in_force,
    sees_drafts,
    testing,
)
from medsettle.errors import NotFound
from medsettle.identity.roles import Right
from medsettle.policy.description import described

_CODE = {"class": "code", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}


class DraftForm(forms.Form):
    """What is handed in: a document, and what belongs to it."""

    document = forms.CharField(
        label=gettext_lazy("rule document (YAML)"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs=_CODE | {"rows": 26}),
    )
    document_file = forms.FileField(
        label=gettext_lazy("or as a file"),
        required=False,
        allow_empty_file=True,
        help_text=gettext_lazy("Takes the place of the text above."),
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}),
    )
    instead_of = forms.ChoiceField(
        label=gettext_lazy("in the place of"),
        required=False,
        help_text=gettext_lazy(
            "A loaded policy of the same name is replaced without being named here."
        ),
    )
    examples = forms.CharField(
        label=gettext_lazy("worked examples (YAML)"),
        required=False,
        strip=False,
        help_text=gettext_lazy(
            "Without any, those that the area has of this policy are tested against the draft."
        ),
        widget=forms.Textarea(attrs=_CODE | {"rows": 8}),
    )
    examples_file = forms.FileField(
        label=gettext_lazy("or as a file"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}),
    )
    catalogue_file = forms.FileField(
        label=gettext_lazy("catalogue (CSV)"),
        required=False,
        help_text=gettext_lazy("Takes the place of the catalogue of the area; else that is used."),
        widget=forms.FileInput(attrs={"accept": ".csv"}),
    )
    purpose = forms.CharField(
        label=gettext_lazy("what it is for"),
        required=False,
        max_length=limits.CONSOLE_PURPOSE_CHARS_MAX,
        widget=forms.TextInput(attrs={"size": 60}),
    )
    once = OnceField()

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - what Django takes
        super().__init__(*given, **named)
        names = sorted(
            (each.policy.pooling_area, each.policy.name) for each in rules_in_force().policies
        )
        self.fields["instead_of"].choices = [  # type: ignore[attr-defined]
            ("", _("nothing but its own name")),
            *((name, f"{area} {name}") for area, name in names),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse what is too large to be read, and a draft of nothing."""
        found: dict[str, Any] = super().clean() or {}
        bounds = {
            "document_file": limits.DOCUMENT_BYTES_MAX,
            "examples_file": limits.DOCUMENT_BYTES_MAX,
            "catalogue_file": limits.CONSOLE_UPLOAD_BYTES_MAX,
        }
        for name, most in bounds.items():
            file = found.get(name)
            if file is not None and file.size > most:
                said = _("The file has %(size)s bytes, and may have %(most)s.")
                self.add_error(name, said % {"size": f"{file.size:,}", "most": f"{most:,}"})
        if not found.get("document", "").strip() and found.get("document_file") is None:
            self.add_error("document", _("Write a document here, paste one, or choose a file."))
        return found

    def papers(self) -> Papers:
        """Return what was handed in, as bytes."""
        given = self.cleaned_data
        return Papers(
            _content(given["document_file"], given["document"]),
            _content(given["examples_file"], given["examples"]),
            _content(given["catalogue_file"], ""),
            given["instead_of"],
        )


def _content(file: "UploadedFile[Any] | None", text: str) -> bytes:
    """Return a file, else a text with the line ends that it was written with, not a browser's."""
    if file is not None:
        file.seek(0)
        return bytes(file.read())
    return text.replace("\r\n", "\n").encode() if text.strip() else b""


def _drafts() -> Drafts:
    return drafts_in(holdings().place.state)


def _seen(account: Account, name: str) -> Draft:
    """Return a draft that somebody may see.

    Raises:
        NotFound: There is none, or it is not theirs to see.
    """
    if not sees_drafts(account):
        raise NotFound(_("there is no draft %s; it may have been discarded") % repr(name[:40]))
    return _drafts().find(name)


def _read(papers: Papers) -> Reading:
    return read_papers(papers, holdings().place.rules, rules_in_force())


@page(Right.POLICIES)
def listed(request: HttpRequest) -> HttpResponse:
    """Show the drafts, newest first."""
    if not sees_drafts(account_of(request)):
        raise NotFound(_("there are no drafts here"))
    context = {
        "title": _("Drafts"),
        "drafts": _drafts().listed(),
        "may_draft": account_of(request).may(Right.DRAFT),
    }
    return render(request, "console/drafts.html", context)


@page(Right.DRAFT)
def new(request: HttpRequest) -> HttpResponse:
    """Take a draft, and keep it where it has no faults; else show all of them."""
    context: dict[str, object] = {"title": _("New draft")}
    if request.method != "POST":
        return _asked(request, DraftForm(initial=_begun(request)), context)
    form = DraftForm(request.POST, request.FILES)
    if not form.is_valid():
        return _asked(request, form, context, status=400)
    papers = form.papers()
    reading = _read(papers)
    if reading.violations:
        # What came as a file stands in the page from now on, so that it can be mended there.
        said = dict(form.data.items())
        said["document"] = papers.document.decode("utf-8-sig", "replace")
        said["examples"] = papers.examples.decode("utf-8-sig", "replace")
        context |= {"reading": reading, "lost": bool(papers.catalogue)}
        return _asked(request, DraftForm(said), context, status=400)
    given, by = form.cleaned_data, account_of(request).get_username()

    def keep() -> str:
        when, purpose = holdings().clock(), given["purpose"]
        return _drafts().keep(papers, reading, by=by, when=when, purpose=purpose)

    name, _now = made_once(by, given["once"], repr((papers, given["purpose"])), keep)
    messages.success(request, _("The draft has no faults and is kept as %s.") % name)
    return redirect("draft", draft=name)


def _asked(
    request: HttpRequest, form: DraftForm, context: dict[str, object], status: int = 200
) -> HttpResponse:
    return render(request, "console/draft_new.html", context | {"form": form}, status=status)


def _begun(request: HttpRequest) -> dict[str, str]:
    """Return what a draft begins with: an earlier one, a loaded policy, or nothing."""
    if draft := request.GET.get("draft", ""):
        papers = _drafts().papers(draft)
        return {
            "document": papers.document.decode(),
            "examples": papers.examples.decode(),
            "instead_of": papers.instead_of,
            "purpose": _drafts().find(draft).purpose,
        }
    if policy := request.GET.get("policy", ""):
        return {"document": policy_text(rules_in_force().policy(policy))}
    return {}


@require_POST
@page(Right.DRAFT)
@polled
def checked(request: HttpRequest) -> HttpResponse:
    """Say what is wrong with a draft while it is written; nothing is kept."""
    form = DraftForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "console/draft_faults.html", {"form": form})
    papers = form.papers()
    if len(papers.catalogue) > limits.DOCUMENT_BYTES_MAX:
        # A large one is read when the draft is kept, not with every key.
        papers = replace(papers, catalogue=b"")
    context = {"reading": _read(papers)}
    return render(request, "console/draft_faults.html", context)


@page(Right.POLICIES)
def shown(request: HttpRequest, draft: str) -> HttpResponse:
    """Show a draft: what it says, its examples, and how it would be put in force."""
    account = account_of(request)
    found = _seen(account, draft)
    reading = _drafts().read(found.name, holdings().place.rules, rules_in_force())
    known = {each.policy.name for each in rules_in_force().policies}
    context = {
        "title": _("Draft %s") % found.name,
        "draft": found,
        "reading": reading,
        "word": f"draft:{found.name}",
        "examples": reading.examples,
        "proofs": proofs().get(f"draft:{found.name}"),
        "example_base": {"draft": found.name},
        "test_url": account.may(Right.DRAFT) and reverse("test-draft", args=[found.name]),
        "in_force": found.instead_of or (found.policy if found.policy in known else ""),
        "may_draft": account.may(Right.DRAFT),
        "may_try": account.may(Right.TRY),
    }
    if reading.book is not None:
        context["said"] = described(reading.policy)
    return render(request, "console/draft.html", context)


@require_POST
@page(Right.DRAFT)
def tested(request: HttpRequest, draft: str) -> HttpResponse:
    """Settle the examples of a draft by it, and show what came of them."""
    _seen(account_of(request), draft)
    base, rules = rules_in_force(), holdings().place.rules
    if _drafts().read(draft, rules, base).violations:
        return redirect("draft", draft=draft)
    with testing():
        results = proved(_drafts().papers(draft), rules, base)
    proofs()[f"draft:{draft}"] = [Proof(each, tuple(faults)) for each, faults in results]
    return redirect(f"{reverse('draft', args=[draft])}#examples")


@page(Right.POLICIES)
def source(request: HttpRequest, draft: str) -> HttpResponse:
    """Show the document of a draft, or give it as a file to be put among the rules."""
    found = _seen(account_of(request), draft)
    content = _drafts().papers(draft).document
    if "file" in request.GET:
        answer = HttpResponse(content, content_type="application/yaml")
        answer.headers["Content-Disposition"] = f'attachment; filename="draft-{found.name}.yaml"'
        return answer
    context = {
        "title": _("Draft %s") % found.name,
        "lines": content.decode("utf-8-sig").splitlines(),
        "back": reverse("draft", args=[draft]),
        "name": found.policy,
    }
    return render(request, "console/policy_source.html", context)


@require_POST
@page(Right.DRAFT)
def discarded(request: HttpRequest, draft: str) -> HttpResponse:
    """Discard a draft."""
    _drafts().discard(draft)
    messages.success(request, _("Draft %s is discarded.") % draft)
    return redirect("drafts")


urls = [
    path("", listed, name="drafts"),
    path("new", new, name="new-draft"),
    path("check", checked, name="check-draft"),
    path("<str:draft>/", shown, name="draft"),
    path("<str:draft>/test", tested, name="test-draft"),
    path("<str:draft>/source", source, name="draft-source"),
    path("<str:draft>/discard", discarded, name="discard-draft"),
]
