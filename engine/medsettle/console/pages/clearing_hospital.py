"""One hospital's account, one declaration, one claim: and what may be decided about them."""

from functools import partial
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.hospitals import bank
from medsettle.clearing.hospitals.accounts import last_month, lent, payments_to
from medsettle.clearing.hospitals.appeals import lift
from medsettle.clearing.hospitals.declarations import (
    Declaration,
    Status,
    declaration,
    describe_differences,
    next_steps,
    step,
)
from medsettle.clearing.hospitals.deductions import (
    OPEN,
    ClaimDeduction,
    Code,
    Deducted,
    deduct,
    deductions,
)
from medsettle.clearing.hospitals.holds import free, hold
from medsettle.clearing.hospitals.reserves import reserves
from medsettle.clearing.hospitals.status import claim_status, statements
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.clearing.months.month import Month
from medsettle.console.access import page
from medsettle.console.acts import Act, By, DayField, YuanField, done
from medsettle.console.pages.clearing_stores import hospitals_there, moment_of, today
from medsettle.console.pages.clearing_words import CODE_WORDS, DECLARATION_WORDS, STAGE_WORDS
from medsettle.core.dates import day_number
from medsettle.core.money import yuan_from_fen
from medsettle.errors import NotFound
from medsettle.identity.roles import Right

_SIZE: Final = limits.CONSOLE_ROWS_SHOWN
_REASON: Final = limits.HOSPITAL_REASON_CHARS_MAX
_TITLES: Final = {
    Status.APPLIED: gettext_lazy("Open it again"),
    Status.ACCEPTED: gettext_lazy("Accept"),
    Status.REVIEWING: gettext_lazy("Begin the review"),
    Status.REVIEWED: gettext_lazy("Approve the review"),
    Status.REJECTED: gettext_lazy("Reject"),
}


class _Reason(forms.Form):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=_REASON)


class _MaybeReason(forms.Form):
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=_REASON, required=False)


class _Lift(_Reason):
    number = forms.IntegerField(
        label=gettext_lazy("number of the deduction"), min_value=1, max_value=limits.INT64_MAX
    )
    yuan = YuanField(label=gettext_lazy("yuan that are given up"))
    field_order = ("number", "yuan", "reason")


class _Returned(_Reason):
    payment = forms.CharField(label=gettext_lazy("payment"), max_length=limits.END_TO_END_CHARS_MAX)
    on = DayField(label=gettext_lazy("day on which it came back"))
    field_order = ("payment", "on", "reason")


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def account(request: HttpRequest, institution: str) -> HttpResponse:
    """Show the account of one hospital: what it had of a month, its payments and deductions."""
    with hospitals_there() as store:
        if not store.rows("select 1 from claims where institution = ? limit 1", institution):
            raise NotFound(f"no settlement of institution {institution!r} was read in")
        was_done, offered = done(request, _account_acts(store, institution))
        if was_done:
            return redirect("clearing-hospital", institution=institution)
        context = {
            **figures_of(store, institution, request.GET.get("month", "")),
            "title": _("Hospital %s") % institution,
            "part": "hospitals",
            "offers": offered,
        }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_hospital.html", context, status=status)


def figures_of(store: HospitalStore, institution: str, asked: str) -> dict[str, Any]:
    """Return what the account of a hospital shows of the month that is asked for, or the last."""
    month = Month.of(asked or last_month(store) or "")
    rows = statements(store, month, institution)
    names = ("declared_fen", "deducted_fen", "paid_fen", "waiting_fen", "rest_fen")
    cuts = deductions(store, f"d.institution = ? and {OPEN}", institution, most=_SIZE)
    return {
        "institution": institution,
        "month": month.text,
        "rows": rows,
        "sums": {name: sum(getattr(each, name) for each in rows) for name in names},
        "payments": payments_to(store, institution, most=_SIZE),
        "cuts": [(each, CODE_WORDS[each.code]) for each in cuts],
        "advances": lent(store, institution, most=_SIZE),
        "reserves": reserves(store, month.year, institution),
    }


def _account_acts(store: HospitalStore, institution: str) -> list[Act]:
    """Return what may be recorded about a hospital: a lifted deduction, a returned payment."""

    def lifted(given: dict[str, Any], by: By) -> str:
        _refuse_of_others(deductions(store, "d.number = ?", given["number"]), institution)
        found = lift(store, given["number"], given["yuan"], _decision(by, given))
        told = {"number": found.number, "open": yuan_from_fen(found.open_fen)}
        return _("%(open)s yuan of deduction %(number)d are still to be taken.") % told

    def returned(given: dict[str, Any], by: By) -> str:
        found = bank.returned(store, given["payment"], given["on"], _decision(by, given))
        return _("Payment %s came back; the next batch pays it again.") % found.payment

    lifting, back = gettext_lazy("Give up a deduction"), gettext_lazy("Register a return")
    return [
        Act("lift", lifting, lifted, _Lift, right=Right.APPROVE,
            more=gettext_lazy("Somebody else than who decided it gives it up.")),
        Act("returned", back, returned, _Returned),
    ]  # fmt: skip


def _refuse_of_others(found: list[Deducted], institution: str) -> None:
    if not any(each.institution == institution for each in found):
        raise NotFound(_("This hospital has no deduction of that number."))


def _decision(by: By, given: dict[str, Any]) -> Decision:
    return Decision(by.who, by.moment, given.get("reason", ""))


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def declared(request: HttpRequest, number: str) -> HttpResponse:
    """Show a declaration: what is stated beside what the book has, its steps, and the next one."""
    with hospitals_there() as store:
        found = declaration(store, number)
        was_done, offered = done(request, _declaration_acts(store, found))
        if was_done:
            return redirect("clearing-declaration", number=number)
    stated, own = found.application.stated, found.own
    names = (
        ("persons", _("persons")),
        ("total_fen", _("bills")),
        ("account_fen", _("accounts")),
        ("cash_fen", _("cash")),
        ("fund_fen", _("funds")),
    )
    context = {
        "title": _("Declaration %s") % number,
        "part": "hospitals",
        "found": found,
        "what": found.application,
        "state": DECLARATION_WORDS[found.status],
        "sums": [
            (word, name == "persons", getattr(stated, name), getattr(own, name),
             found.differences.get(name))
            for name, word in names
        ],
        "sentences": describe_differences(found),
        "steps": [
            (DECLARATION_WORDS[each.status], each, moment_of(each.create_time_us))
            for each in found.steps
        ],
        "offers": offered,
    }  # fmt: skip
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_declaration.html", context, status=status)


def _declaration_acts(store: HospitalStore, found: Declaration) -> list[Act]:
    return [_declaration_step(store, found, status) for status in next_steps(found.status)]


def _declaration_step(store: HospitalStore, found: Declaration, status: Status) -> Act:
    number = found.application.declaration
    needs = status in {Status.REJECTED, Status.APPLIED} or (
        status is Status.ACCEPTED and bool(found.differences)
    )

    def run(given: dict[str, Any], by: By) -> str:
        step(store, number, status, _decision(by, given))
        told = {"number": number, "state": DECLARATION_WORDS[status]}
        return _("Declaration %(number)s: %(state)s.") % told

    return Act(
        status.name.lower(),
        _TITLES[status],
        run,
        _Reason if needs else _MaybeReason,
        right=Right.APPROVE if status is Status.REVIEWED else Right.CLEAR,
    )


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def claim(request: HttpRequest, claim: str) -> HttpResponse:
    """Show where a claim stands, all that is recorded of it, and what may be decided about it."""
    with hospitals_there() as store:
        found = claim_status(store, claim)
        payers = [part.payer for part in found.parts]
        was_done, offered = done(request, _claim_acts(store, claim, payers, on_hold=found.on_hold))
        if was_done:
            return redirect("clearing-claim", claim=claim)
    context = {
        "title": _("Claim %s") % claim,
        "part": "hospitals",
        "found": found,
        "stage": STAGE_WORDS[found.stage],
        "declarations": [
            (number, DECLARATION_WORDS[status]) for number, status in found.declarations
        ],
        "offers": offered,
    }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_claim.html", context, status=status)


def _claim_acts(store: HospitalStore, claim: str, payers: list[str], *, on_hold: bool) -> list[Act]:
    if on_hold:
        title = gettext_lazy("Free the claim")
        more = gettext_lazy("Somebody else than who put it on hold frees it.")
        holding = Act("free", title, partial(_freed, store, claim), _Reason, more=more)
    else:
        title = gettext_lazy("Put the claim on hold")
        more = gettext_lazy("Nothing of it is approved or paid until it is freed.")
        holding = Act("hold", title, partial(_held, store, claim), _Reason, more=more)
    if not payers:
        return [holding]
    kinds = (Code.REVIEW, Code.INSPECTION, Code.OTHER)
    fields: dict[str, Any] = {
        "payer": forms.ChoiceField(
            label=gettext_lazy("fund"), choices=[(each, each) for each in payers]
        ),
        "code": forms.TypedChoiceField(
            label=gettext_lazy("kind"), coerce=int,
            choices=[(int(kind), CODE_WORDS[kind]) for kind in kinds],
        ),
        "yuan": YuanField(label=gettext_lazy("yuan")),
        "reason": forms.CharField(label=gettext_lazy("reason"), max_length=_REASON),
    }  # fmt: skip
    form = type("DeductForm", (forms.Form,), fields)
    title = gettext_lazy("Deduct of the claim")
    return [holding, Act("deduct", title, partial(_deducted, store, claim), form)]


def _held(store: HospitalStore, claim: str, given: dict[str, Any], by: By) -> str:
    hold(store, claim, _decision(by, given))
    return _("Claim %s is on hold.") % claim


def _freed(store: HospitalStore, claim: str, given: dict[str, Any], by: By) -> str:
    free(store, claim, _decision(by, given))
    return _("Claim %s is free.") % claim


def _deducted(store: HospitalStore, claim: str, given: dict[str, Any], by: By) -> str:
    what = ClaimDeduction(Code(given["code"]), given["yuan"], day_number(today()))
    number = deduct(store, claim, given["payer"], what, _decision(by, given))
    return _("Deduction %d is recorded.") % number


urls = [
    path("hospitals/declarations/<str:number>", declared, name="clearing-declaration"),
    path("hospitals/claims/<str:claim>", claim, name="clearing-claim"),
    path("hospitals/accounts/<str:institution>", account, name="clearing-hospital"),
]
