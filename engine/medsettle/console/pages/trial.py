"""Try a claim: what it would come to, by the rules in force or by others; nothing is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.access import account_of, page
from medsettle.console.drafts import drafts_in
from medsettle.console.languages import marked
from medsettle.console.models import Account
from medsettle.console.pages.positions import whole
from medsettle.console.pages.settlements import seen
from medsettle.console.pages.trial_faults import Told
from medsettle.console.pages.trial_form import ClaimForm, data_of, with_more_lines
from medsettle.console.pages.trial_text import (
    JSON_LABEL,
    WHICH_LABEL,
    UnreadError,
    claim_in,
    content_of,
    json_of,
)
from medsettle.console.pages.waterfall import parts, titles_of
from medsettle.console.place import holdings
from medsettle.console.versions import (
    IN_FORCE,
    Version,
    known_on,
    rules_chosen,
    rules_in_force,
    sees_drafts,
    version_of,
)
from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.code_words import HOSPITAL_LEVEL_WORDS, PERSON_TYPE_WORDS
from medsettle.core.money import yuan_from_fen
from medsettle.core.outcome import Rejection, invalid
from medsettle.core.settlement import Explanation, Row, Settlement
from medsettle.errors import Fault, NotFound, SettlementError
from medsettle.identity.roles import Right
from medsettle.identity.strangers import stranger_to
from medsettle.policy.example_names import examples_beside
from medsettle.policy.examples import Example, Visit
from medsettle.policy.rule_book import RuleBook

_EMPTY_LINES: Final = 3
_NOBODY: Final = {"person": "TRIAL", "institution": "TRIAL", "request_id": "TRIAL"}


class Rules(forms.Form):
    """By which rules a claim is tried, and beside which others."""

    rules = forms.ChoiceField(label=gettext_lazy("by the rules"), required=False)
    known_on = forms.DateField(
        label=gettext_lazy("as published by (for those in force)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    against = forms.ChoiceField(label=gettext_lazy("beside"), required=False)

    def __init__(self, asked: Mapping[str, Any], account: Account) -> None:
        super().__init__(asked)
        choices = rules_chosen(account)
        self.fields["rules"].choices = choices  # type: ignore[attr-defined]
        nothing = [("", _("nothing else"))]
        self.fields["against"].choices = [*nothing, *choices]  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a claim comes to by some rules: a settlement with its explanation, or a refusal."""

    title: str
    book: RuleBook | None = None
    settlement: Settlement | None = None
    explanation: Explanation | None = None
    rejection: Rejection | None = None
    told: tuple[Told, ...] = ()

    def telling(self, faults: Mapping[Fault, Told]) -> "Answer":
        """Return the answer with its faults as they are told."""
        found = () if self.rejection is None else self.rejection.faults
        return replace(self, told=tuple(faults[fault] for fault in found))


@dataclass(frozen=True, slots=True)
class Step:
    """An amount by the rules of two versions, and the difference."""

    name: str
    first: int
    second: int

    @property
    def more(self) -> int:
        """How much more it is by the second."""
        return self.second - self.first


@page(Right.TRY)
def tried(request: HttpRequest) -> HttpResponse:
    """Show a form to fill in, and what the claim in it comes to; nothing is recorded."""
    account = account_of(request)
    if request.method != "POST":
        return _begun(request, account)
    asked, rules = request.POST.get("do", "preview"), Rules(request.POST, account)
    context: dict[str, object] = {"rules": rules}
    if asked == "more":
        form = _form(with_more_lines(request.POST, _EMPTY_LINES))
        return _shown(request, context | {"form": form})
    if asked == "read":
        content, which = content_of(request), request.POST.get("which", "")
        try:
            row = claim_in(content, which)
        except UnreadError as error:
            # What came as a file stands in the page from now on: a browser does not keep files.
            text = content[: limits.DOCUMENT_BYTES_MAX].decode("utf-8-sig", "replace")
            said = {"form": _form(request.POST), "unread": error.told, "pasted": text}
            return _shown(request, context | said | {"which": which, "told": [error.told]}, 400)
        form = _form(data_of(row, _EMPTY_LINES))
        form.stands_for(row)
    else:
        form = _form(request.POST)
        row = form.row()
    context |= {"form": form, "pasted": json_of(row), "too_long": _too_long(row)}
    if not rules.is_valid():
        return _shown(request, context | {"told": _told(rules)}, 400)
    return _answered(request, context, row, rules)


def _answered(
    request: HttpRequest, context: dict[str, object], row: Row, rules: Rules
) -> HttpResponse:
    """Show what a claim comes to by the rules asked for, faults beside their fields."""
    account = account_of(request)
    form = context["form"]
    assert isinstance(form, ClaimForm)
    answers = []
    for name in ("rules", "against"):
        word = rules.cleaned_data[name] or (IN_FORCE if name == "rules" else "")
        if not word:
            continue
        try:
            answers.append(_answer(row, account, _version(word, name, row, rules, account)))
        except SettlementError as error:
            rules.add_error(name, marked(error))
    refused = [each.rejection for each in answers if each.rejection is not None]
    faults = form.tell(dict.fromkeys(fault for each in refused for fault in each.faults))
    answers = [each.telling(faults) for each in answers]
    context |= {"answers": answers, "told": _told(rules)}
    if answers and answers[0].settlement is not None:
        context |= parts(answers[0].settlement, answers[0].book)
    settled = [(each.settlement, each.book) for each in answers if each.settlement is not None]
    if len(settled) > 1:
        titles: dict[str, str] = {}
        for each, book in settled:
            titles |= titles_of(each, book)
        context["steps"] = _steps(settled[0][0], settled[1][0], titles)
    return _shown(request, context, 400 if faults or rules.errors else 200)


def _told(rules: Rules) -> list[Told]:
    """Return what is wrong with the rules that were asked for."""
    return [
        Told(str(field.label), str(error), field.id_for_label)
        for field in rules
        for error in field.errors
    ]


def _version(word: str, name: str, row: Row, rules: Rules, account: Account) -> Version:
    day = rules.cleaned_data["known_on"]
    if name == "rules" and word == IN_FORCE and isinstance(day, date):
        return known_on(day, str(row.get("pooling_area")))
    return version_of(word, account)


def _answer(row: Row, account: Account, version: Version) -> Answer:
    """Return what a claim comes to by a version of the rules, with the ledger as it is."""
    own = account.sees_institution
    if own is not None and isinstance(row, dict) and row.get("institution") != own:
        fault = Fault("institution", _("you try claims of your own institution, %s") % own)
        return Answer(version.title, rejection=invalid((fault,)))
    if not account.may(Right.SEE_PERSON) and isinstance(row, dict):
        person = row.get("person")
        number = stranger_to(person) if isinstance(person, str) else person
        row = {**row, "person": number, "card": None}
    claims = ClaimBatch.from_rows([row])
    # Whom an institution names need not be its patient: what others recorded of them stays apart.
    alone = own is not None
    if version.book is rules_in_force():
        with holdings().engine() as engine:
            (found,) = engine.preview_explained(claims, alone=alone)
    else:
        engine = holdings().engine_with(version.book)
        (found,) = engine.preview_explained(claims, alone=alone)
    if isinstance(found, Rejection):
        return Answer(version.title, rejection=found)
    settlement, explanation = found
    if alone:
        warnings = tuple(each for each in settlement.warnings if not each.beside)
        settlement = replace(settlement, warnings=warnings)
    return Answer(version.title, version.book, settlement, explanation)


def _steps(first: Settlement, second: Settlement, titles: Mapping[str, str]) -> list[Step]:
    """Return every amount of two settlements side by side: pots, stages, sums."""
    names = ["total", *(pot.name for pot in codes.POTS)]
    found = [Step(name, first.fen(f"{name}_fen"), second.fen(f"{name}_fen")) for name in names]
    paid = [
        {str(row["stage"]): int(str(row["paid_fen"])) for row in each.payers}
        for each in (first, second)
    ]
    found += [
        Step(titles.get(stage, stage), paid[0].get(stage, 0), paid[1].get(stage, 0))
        for stage in dict.fromkeys([*paid[0], *paid[1]])
    ]
    return [
        *found,
        Step("fund_total", first.fen("fund_total_fen"), second.fen("fund_total_fen")),
        Step("accounts", first.accounts_fen, second.accounts_fen),
        Step("cash", first.fen("cash_fen"), second.fen("cash_fen")),
    ]


# --- what a form begins with --------------------------------------------------------------------


def _begun(request: HttpRequest, account: Account) -> HttpResponse:
    """Show a form: empty, or filled from an example or from what was recorded."""
    asked = request.GET
    context: dict[str, object] = {}
    own = account.sees_institution
    row: Row = {
        **_NOBODY,
        "account_used": True,
        "pooling_area": asked.get("area", ""),
        **({} if own is None else {"institution": own}),
    }
    if settlement := asked.get("settlement", ""):
        # As the page of the settlement: what it says of somebody is told to nobody else.
        if not account.may(Right.LOOK):
            raise PermissionDenied
        with holdings().engine() as engine:
            found = seen(engine, settlement, account)
            row = engine.claim(str(found.columns["original"] or settlement))
        context["again"] = settlement
    elif asked.get("example"):
        example, visit = _example(request, account)
        row = visit.claim | {"request_id": "TRIAL"}
        if own is not None:
            row["institution"] = own
        before = {name: yuan_from_fen(fen) for name, fen in visit.before.items()}
        context |= {"example": example, "before": before, "expect": visit.expect}
    rules = Rules(
        {"rules": asked.get("rules") or _word_of(asked), "against": asked.get("against", "")},
        account,
    )
    form = _form(data_of(row, _EMPTY_LINES))
    form.row()
    context |= {"form": form, "rules": rules, "too_long": _too_long(row)}
    context["pasted"] = json_of(row) if settlement or "example" in context else ""
    return _shown(request, context)


def _word_of(asked: Mapping[str, str]) -> str:
    draft = asked.get("draft", "")
    return f"draft:{draft}" if draft else IN_FORCE


def _example(request: HttpRequest, account: Account) -> tuple[Example, Visit]:
    """Return the visit of an example that an address names.

    Raises:
        NotFound: There is no such example or visit, or it is a draft's that is not theirs to see.
        PolicyNotFound: There is no such policy.
    """
    asked = request.GET
    name, number = asked["example"], asked.get("visit", "1")
    for example in _examples(asked, account):
        if example.name != name:
            continue
        if 1 <= (chosen := whole(number) or 0) <= len(example.visits):
            return example, example.visits[chosen - 1]
        raise NotFound(_("the example has no visit %s") % repr(number[:40]))
    raise NotFound(_("there is no example %s") % repr(name[:40]))


def _examples(asked: Mapping[str, str], account: Account) -> tuple[Example, ...]:
    """Return the examples of the policy or draft that an address names."""
    base = rules_in_force()
    draft = asked.get("draft", "")
    if draft and sees_drafts(account):
        drafts = drafts_in(holdings().place.state)
        return drafts.read(draft, holdings().place.rules, base).examples
    return tuple(examples_beside(base.policy(asked.get("policy", "")).policy))


# --- showing ------------------------------------------------------------------------------------


def _form(data: Mapping[str, Any]) -> ClaimForm:
    areas = {code: area.name for code, area in sorted(rules_in_force().areas.items())}
    return ClaimForm(data, areas)


def _too_long(row: Row) -> bool:
    """Whether a claim has more lines than the form has rows."""
    lines = row.get("lines")
    return isinstance(lines, list) and len(lines) > limits.CONSOLE_FORM_LINES_MAX


def _shown(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    policies = sorted(
        (each.policy.pooling_area, each.policy.name, each.area.name)
        for each in rules_in_force().policies
    )
    chosen = request.GET.get("policy", "")
    context |= {
        "title": _("Try a claim"),
        "policies": policies,
        "chosen": chosen,
        "offered": _offered(request) if chosen and "example" not in context else (),
        "person_types": PERSON_TYPE_WORDS,
        "levels": HOSPITAL_LEVEL_WORDS,
        "most_lines": limits.CONSOLE_FORM_LINES_MAX,
        "labels": {"json": JSON_LABEL, "which": WHICH_LABEL},
    }
    return render(request, "console/trial.html", context, status=status)


def _offered(request: HttpRequest) -> tuple[Example, ...]:
    """Return the examples that may fill the form, of the policy that was chosen."""
    return _examples(request.GET, account_of(request))


urls = [path("", tried, name="trial")]
