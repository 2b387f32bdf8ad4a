"""What hospitals are paid: declarations, slices, batches, deductions, claims on hold."""

from datetime import date
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
from medsettle.clearing.hospitals.accounts import batch_heads, last_month, lent, payments_of
from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.declarations import declaration, declarations
from medsettle.clearing.hospitals.deductions import OPEN, deductions
from medsettle.clearing.hospitals.holds import held
from medsettle.clearing.hospitals.read_terms import read_hospital_terms
from medsettle.clearing.hospitals.remittances import remittances
from medsettle.clearing.hospitals.rows import flat, remittance_rows, table_of
from medsettle.clearing.hospitals.slices import Slice, instant
from medsettle.clearing.hospitals.slices import month as month_slices
from medsettle.clearing.hospitals.status import TARGET_BPS, statements, targets
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.clearing.months.month import Month
from medsettle.console.access import page
from medsettle.console.acts import Act, By, DayField, MonthField, UploadField, done
from medsettle.console.pages.clearing_figures import work_folder
from medsettle.console.pages.clearing_files import download, file_of
from medsettle.console.pages.clearing_hospital import urls as one_urls
from medsettle.console.pages.clearing_stores import hospitals, hospitals_there, today
from medsettle.console.pages.clearing_words import CODE_WORDS, DECLARATION_WORDS
from medsettle.console.pages.uploads import kept, told_name
from medsettle.console.parts import finished
from medsettle.console.place import holdings
from medsettle.console.polled import polled
from medsettle.core.money import yuan_from_fen
from medsettle.errors import InvalidRequest, NotFound
from medsettle.identity.roles import Right
from medsettle.payments.accounts import accounts_of

_SIZE: Final = limits.CONSOLE_ROWS_SHOWN
_TERMS: Final = (".yaml", ".yml")


class _SupplyForm(forms.Form):
    terms = UploadField(
        label=gettext_lazy("terms by which hospitals are paid, YAML"),
        help_text=gettext_lazy("Kept of it are its digest and who supplied it."),
    )


class _TermsForm(forms.Form):
    terms = UploadField(
        label=gettext_lazy("terms by which hospitals are paid, YAML"),
        help_text=gettext_lazy("The document that somebody else supplied. It is not kept."),
    )
    on = DayField(label=gettext_lazy("day"))


class _MonthTermsForm(_TermsForm):
    month = MonthField(label=gettext_lazy("month of the declarations"))
    field_order = ("month", "terms", "on")


class _PayForm(forms.Form):
    on = DayField(label=gettext_lazy("day of the payments"))


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def listed(request: HttpRequest) -> HttpResponse:
    """Show a month of what hospitals declare, and what waits to be paid or taken."""
    now = today()
    with hospitals() as store:
        if store is None:
            nothing = {"title": _("Hospitals"), "part": "hospitals"}
            return render(request, "console/clearing_hospitals.html", nothing)
        asked = request.GET.get("month") or last_month(store) or ""
        month = Month.of(asked) if asked else Month.of_day(now)
        was_done, offered = done(request, _acts(store, month, now))
        if was_done:
            return redirect(f"{request.path}?month={month.text}")
        numbers = declarations(store, month)
        begin = request.GET.get("after", "")
        listed_numbers = [number for number in numbers if number > begin][: _SIZE + 1]
        on_hold = held(store, now)
        context = {
            "title": _("Hospitals"),
            "part": "hospitals",
            "there": True,
            "month": month.text,
            "offers": offered,
            "declared": [_declared(store, number) for number in listed_numbers[:_SIZE]],
            "declared_count": len(numbers),
            "more": listed_numbers[_SIZE - 1] if len(listed_numbers) > _SIZE else None,
            "batches": batch_heads(store, most=_SIZE),
            "held": on_hold[:_SIZE],
            "held_count": len(on_hold),
            "held_fen": sum(each.waiting_fen + each.rest_fen for each in on_hold),
            "advances": lent(store, most=_SIZE),
        }
    status = 400 if any(each.form.errors for each in offered) else 200
    return render(request, "console/clearing_hospitals.html", context, status=status)


def _declared(store: HospitalStore, number: str) -> dict[str, Any]:
    found = declaration(store, number)
    return {"declaration": found, "what": found.application,
            "state": DECLARATION_WORDS[found.status],
            "differs": bool(found.differences)}  # fmt: skip


def _acts(store: HospitalStore, month: Month, now: date) -> list[Act]:
    """Return what may be done about all hospitals: approve slices, and pay."""

    def paid(given: dict[str, Any], by: By) -> str:
        batch = pay(store, given["on"], Decision(by.who, by.moment))
        if batch is None:
            return _("Nothing waits to be paid.")
        told = {"number": batch.number, "payments": len(batch.payments),
                "sum": yuan_from_fen(batch.sum_fen)}  # fmt: skip
        return _("Batch %(number)d: %(payments)d payments, %(sum)s yuan.") % told

    return [
        Act("supply", gettext_lazy("Supply terms"), partial(_supplied, store), _SupplyForm,
            more=gettext_lazy("Somebody else approves slices by them.")),
        Act("instant", gettext_lazy("Approve instant slices"), partial(_instant, store),
            _TermsForm, initial={"on": now}),
        Act("month", gettext_lazy("Approve the slices of a month"), partial(_month, store),
            _MonthTermsForm, initial={"on": now, "month": month.text},
            more=gettext_lazy("Somebody else than who accepted or reviewed a declaration does.")),
        Act("pay", gettext_lazy("Pay what is approved"), paid, _PayForm, right=Right.APPROVE,
            initial={"on": now}, more=gettext_lazy("Somebody else than who approved it pays.")),
    ]  # fmt: skip


def _supplied(store: HospitalStore, given: dict[str, Any], by: By) -> str:
    with kept(given["terms"], work_folder(), _TERMS) as file:
        book = read_hospital_terms(file)
    told = {"area": book.area, "who": supply(store, book, Decision(by.who, by.moment))}
    return _("The terms of %(area)s were supplied by %(who)s.") % told


def _instant(store: HospitalStore, given: dict[str, Any], by: By) -> str:
    with kept(given["terms"], work_folder(), _TERMS) as file:
        terms = read_hospital_terms(file)
    return _told(instant(store, terms, given["on"], Decision(by.who, by.moment)))


def _month(store: HospitalStore, given: dict[str, Any], by: By) -> str:
    with kept(given["terms"], work_folder(), _TERMS) as file:
        terms = read_hospital_terms(file)
    decision = Decision(by.who, by.moment)
    return _told(month_slices(store, terms, given["month"], given["on"], decision))


def _told(found: list[Slice]) -> str:
    told = {
        "claims": sum(each.claims for each in found),
        "sum": yuan_from_fen(sum(each.slices_fen for each in found)),
        "kept": yuan_from_fen(sum(each.withheld_fen for each in found)),
    }
    return _("%(claims)d claims get %(sum)s yuan; %(kept)s of it are kept as reserve.") % told


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
@polled
def statement_part(request: HttpRequest, month: str) -> HttpResponse:
    """Show what institutions had of a month, and how far instant payment is: a part of a page."""
    with hospitals_there() as store:
        named = Month.of(month)
        rows = statements(store, named)
        reached = targets(store, named)
        cuts = deductions(store, f"d.claim is not null and {OPEN}", most=_SIZE + 1)
    context = {
        "month": month,
        "rows": rows[:_SIZE],
        "more": len(rows[_SIZE:]),
        "targets": reached,
        "cuts": [(each, CODE_WORDS[each.code]) for each in cuts[:_SIZE]],
        "more_cuts": len(cuts) > _SIZE,
        "fund_percent": reached.fund_bps // 100,
        "institutions_percent": reached.institutions_bps // 100,
        "target_percent": TARGET_BPS // 100,
    }
    return finished(request, "console/clearing_hospital_month.html", context)


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def statement_file(request: HttpRequest, month: str, ending: str) -> HttpResponse:
    """Return what institutions had of a month as a file."""
    del request
    named = Month.of(month)
    with hospitals_there() as store:
        rows = [flat(each) for each in statements(store, named)]
    about = [("statement of hospitals", named.text)]
    return _rows_file(rows, ending, about, f"hospitals-{named.text}")


def _rows_file(
    rows: list[dict[str, Any]], ending: str, about: list[tuple[str, str]], name: str
) -> HttpResponse:
    if ending not in {"xlsx", "csv", "parquet"} or not rows:
        raise NotFound(f"there is nothing to write to {name}.{ending}")
    # A cell of a statement says something or is not there.
    said = [{at: None if value == "" else value for at, value in row.items()} for row in rows]
    return download(file_of(table_of(said), ending, about), f"{name}.{ending}")


class ExportForm(forms.Form):
    """Whose funds pay, and out of and into which accounts."""

    insurance_type = forms.CharField(
        label=gettext_lazy("insurance type whose funds pay, such as 310"),
        max_length=limits.CODE_CHARS_MAX,
    )
    accounts = UploadField(
        label=gettext_lazy("accounts of these funds and of institutions"),
        help_text=gettext_lazy("CSV: payee_type,pooling_area,payee,account,name,bank."),
    )
    initiator = forms.CharField(
        label=gettext_lazy("who asks the bank"), initial="medsettle",
        max_length=limits.PARTY_NAME_CHARS_MAX,
    )  # fmt: skip


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def batch(request: HttpRequest, number: int) -> HttpResponse:
    """Show the payments of a batch; write its file for the bank, which changes nothing."""
    form = ExportForm(request.POST or None, request.FILES or None)
    with hospitals_there() as store:
        if request.method == "POST" and form.is_valid():
            try:
                return _exported(store, number, form.cleaned_data)
            except InvalidRequest as error:
                for fault in error.faults:
                    form.add_error(None, f"{fault.path}: {fault.message}")
        found = next(iter(batch_heads(store, below=number + 1, most=1)), None)
        if found is None or found.number != number:
            raise NotFound(f"there is no batch {number}")
        payments = payments_of(store, number, after=request.GET.get("after", ""), most=_SIZE + 1)
    context = {
        "title": _("Batch %d") % number,
        "part": "hospitals",
        "batch": found,
        "payments": payments[:_SIZE],
        "more": payments[_SIZE - 1].payment.payment if len(payments) > _SIZE else None,
        "form": form,
    }
    status = 400 if form.errors else 200
    return render(request, "console/clearing_batch.html", context, status=status)


def _exported(store: HospitalStore, number: int, given: dict[str, Any]) -> HttpResponse:
    uploaded, insurance_type = given["accounts"], given["insurance_type"]
    known = accounts_of(uploaded.read(), told_name(uploaded))
    asking = bank.Asking(given["initiator"], holdings().clock(), known)
    content = bank.message_of(store, number, insurance_type, asking)
    return download(content, f"hospitals-{number:06d}.xml")


@page(Right.SEE_CLEARING, acting=Right.CLEAR)
def remittance_file(request: HttpRequest, number: int, ending: str) -> HttpResponse:
    """Return what each payment of a batch is of, as a file."""
    del request
    with hospitals_there() as store:
        rows = [row for each in remittances(store, number, None) for row in remittance_rows(each)]
    return _rows_file(rows, ending, [("remittance of batch", str(number))], f"batch-{number}")


urls = [
    path("hospitals", listed, name="clearing-hospitals"),
    path(
        "hospitals/months/<str:month>.<str:ending>", statement_file,
        name="clearing-hospital-file",
    ),
    path("hospitals/months/<str:month>", statement_part, name="clearing-hospital-month"),
    path("hospitals/batches/<place:number>", batch, name="clearing-batch"),
    path(
        "hospitals/batches/<place:number>/remittance.<str:ending>", remittance_file,
        name="clearing-remittance",
    ),
    *one_urls,
]  # fmt: skip
