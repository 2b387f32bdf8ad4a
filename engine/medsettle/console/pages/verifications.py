"""Verification on demand: the audit tables, the ledger, or a statement that somebody has."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from medsettle import durable
from medsettle.clearing.statements.keys import SIGNATURE_SUFFIX
from medsettle.clearing.statements.statements import MANIFEST_FILE, TABLE_FILES
from medsettle.console.access import account_of, page
from medsettle.console.jobs import GIVEN, Job, Kind, State
from medsettle.console.pages.checkpoints import ALTERED
from medsettle.console.pages.job_acts import delete, jobs, part, stop
from medsettle.console.place import holdings
from medsettle.console.polled import polled
from medsettle.console.uploads import ManyFiles
from medsettle.identity.roles import Right

_SIGNATURE: Final = re.compile(
    re.escape(MANIFEST_FILE) + r"\.([0-9a-f]{1,64})" + re.escape(SIGNATURE_SUFFIX)
)
_KEY_SUFFIX: Final = ".pub.pem"
_FINDINGS_SHOWN: Final = 100


class StatementForm(forms.Form):
    """The files of a statement, and the keys that are to have signed it."""

    papers = ManyFiles(
        label=gettext_lazy("files of the statement"),
        help_text=gettext_lazy(
            "statement.json, the three tables, and each signature; with the public keys (.pub.pem) "
            "of those who must have signed, if you have them."
        ),
    )

    def clean_papers(self) -> "dict[str, UploadedFile[Any]]":
        """Return the files by the names that they have for us.

        Each is known by its name, which is never used: what is not one of a statement is refused.
        """
        found: dict[str, UploadedFile[Any]] = {}
        for file in self.cleaned_data["papers"]:
            name = _known(str(file.name), len(found))
            if name is None:
                raise forms.ValidationError(
                    _("%(name)s is no file of a statement; choose those that it was signed with.")
                    % {"name": file.name}
                )
            found[name] = file
        if MANIFEST_FILE not in found:
            text = _("%s is missing: it names everything that is verified. Choose it too.")
            raise forms.ValidationError(text % MANIFEST_FILE)
        return found


def _known(name: str, number: int) -> str | None:
    """Return what a file of a statement is called; None for what is none."""
    for known in (MANIFEST_FILE, *TABLE_FILES):
        if name == known:
            return known
    signature = _SIGNATURE.fullmatch(name)
    if signature is not None:
        return f"{MANIFEST_FILE}.{signature[1]}{SIGNATURE_SUFFIX}"
    return f"key-{number}{_KEY_SUFFIX}" if name.endswith(_KEY_SUFFIX) else None


@page(Right.AUDIT)
@require_POST
def begun(request: HttpRequest, what: str) -> HttpResponse:
    """Begin to verify the audit tables or the ledger."""
    place = holdings().place
    data, key = str(place.data.resolve()), place.seal_public_key
    signed = [] if key is None else ["--key", str(key.resolve())]
    steps = {
        "tables": [["audit", "verify", "--data", data, *signed, "--progress", "--json"]],
        "ledger": [["ledger", "verify", data, "--rules", str(place.rules.resolve()), "--json"]],
    }[what]
    who = account_of(request).username
    job = jobs().begin(
        Kind.VERIFICATION, who, {"what": what}, lambda _folder: steps, of_ledger=what == "ledger"
    )
    return redirect("verification", name=job.name)


@page(Right.AUDIT)
@require_POST
def statement_given(request: HttpRequest) -> HttpResponse:
    """Begin to verify a statement whose files were chosen."""
    form = StatementForm(request.POST, request.FILES)
    if not form.is_valid():
        context = {"title": _("Verify a statement"), "form": form}
        return render(request, "console/statement_given.html", context, status=400)
    files: dict[str, UploadedFile[Any]] = form.cleaned_data["papers"]

    def prepare(folder: Path) -> Sequence[Sequence[str]]:
        for name, file in files.items():
            durable.put(folder / GIVEN / name, file.read())
        given = (folder / GIVEN).resolve()
        keys = [name for name in files if name.endswith(_KEY_SUFFIX)]
        named = [word for name in keys for word in ("--key", str(given / name))]
        return [["verify", str(given), *named, "--json"]]

    who = account_of(request).username
    job = jobs().begin(Kind.VERIFICATION, who, {"what": "statement"}, prepare)
    return redirect("verification", name=job.name)


@page(Right.AUDIT)
def shown(request: HttpRequest, name: str) -> HttpResponse:
    """Show a verification: how far it is, or what it came to."""
    job = jobs().get(name, Kind.VERIFICATION)
    return render(request, "console/verification.html", {"title": title_of(job), **_context(job)})


@page(Right.AUDIT)
@polled
def state(request: HttpRequest, name: str) -> HttpResponse:
    """Show the part of a verification that changes while it runs."""
    job = jobs().get(name, Kind.VERIFICATION)
    answer = render(request, "console/verification_state.html", _context(job))
    if job.state is not State.RUNNING:
        answer.headers["X-Done"] = "1"
    return answer


def title_of(job: Job) -> str:
    """Return what was verified."""
    return {
        "tables": _("Verification of the audit tables"),
        "ledger": _("Verification of the ledger"),
        "statement": _("Verification of a statement"),
    }[job.about["what"]]


def _context(job: Job) -> dict[str, Any]:
    told = job.told(0)
    findings = told.get("findings", [])
    if job.about["what"] == "tables":
        findings = [{**each, "kind": ALTERED.get(each["kind"], each["kind"])} for each in findings]
    return {
        "job": job,
        "state": job.state.value,
        "progress": job.progress(0),
        "told": told,
        "findings": findings[:_FINDINGS_SHOWN],
        "more": max(0, len(findings) - _FINDINGS_SHOWN),
        "stop": "stop-verification",
    }


@page(Right.AUDIT)
@require_POST
def stopped(request: HttpRequest, name: str) -> HttpResponse:
    """Stop a verification."""
    return stop(request, Kind.VERIFICATION, name, "verification")


@page(Right.AUDIT)
@require_POST
def deleted(request: HttpRequest, name: str) -> HttpResponse:
    """Delete what a verification came to."""
    return delete(
        request, Kind.VERIFICATION, name, _("The verification is deleted."), "verifications"
    )


@page(Right.AUDIT)
def listed(request: HttpRequest) -> HttpResponse:
    """Show what was verified, newest first."""
    context = {"title": _("Verifications"), **part(request, Kind.VERIFICATION)}
    return render(request, "console/verifications.html", context)


urls = [
    path("verifications/", listed, name="verifications"),
    path("verifications/begin/tables", begun, {"what": "tables"}, name="verify-tables"),
    path("verifications/begin/ledger", begun, {"what": "ledger"}, name="verify-ledger"),
    path("verifications/begin/statement", statement_given, name="verify-statement"),
    path("verifications/<str:name>/", shown, name="verification"),
    path("verifications/<str:name>/state", state, name="verification-state"),
    path("verifications/<str:name>/stop", stopped, name="stop-verification"),
    path("verifications/<str:name>/delete", deleted, name="delete-verification"),
]
