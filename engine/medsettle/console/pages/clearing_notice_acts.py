"""What may be done about a notice: its steps, deductions, payments, returns and refusals."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import PAYABLE, Notice, Status
from medsettle.clearing.notices.deductions import (
    DeductionKind,
    beyond_due_fen,
    deduct,
    deductions,
    withdraw,
)
from medsettle.clearing.notices.notices import STEPS, advance, reissue
from medsettle.clearing.notices.payments import Payment, Seen, give_back, register, unregister
from medsettle.clearing.notices.under_way import asked_of, refuse
from medsettle.console.acts import (
    Act,
    By,
    DayField,
    OptionalReasonForm,
    ReasonForm,
    YuanField,
)
from medsettle.console.pages.clearing_words import DEDUCTION_WORDS, STATUS_WORDS
from medsettle.core.money import yuan_from_fen
from medsettle.errors import Fault, InvalidRequest
from medsettle.identity.roles import Right

_TEXT: Final = limits.CLEARING_TEXT_CHARS_MAX
_STEP_TITLES: Final = {
    Status.ACCEPTED: gettext_lazy("Accept"),
    Status.REVIEWING: gettext_lazy("Begin the review"),
    Status.REVIEWED: gettext_lazy("Approve the review"),
    Status.CLEARED: gettext_lazy("Clear for payment"),
    Status.REJECTED: gettext_lazy("Reject"),
}
_OF_ANOTHER: Final = gettext_lazy(
    "Somebody else than who issued the notice or entered a deduction of it approves its review."
)
_CLEARED_BY_ANOTHER: Final = gettext_lazy(
    "Somebody else than who entered a deduction of the notice clears it."
)
_MORE: Final = {Status.REVIEWED: _OF_ANOTHER, Status.CLEARED: _CLEARED_BY_ANOTHER}


class PaymentForm(forms.Form):
    """A payment that somebody saw."""

    yuan = YuanField(label=gettext_lazy("yuan"))
    reference = forms.CharField(
        label=gettext_lazy("reference of the bank"), max_length=_TEXT,
        help_text=gettext_lazy("The same reference on an account is one payment."),
    )  # fmt: skip
    on = DayField(label=gettext_lazy("day on which it counts"))
    account = forms.CharField(
        label=gettext_lazy("account it was seen on"), required=False,
        max_length=limits.BANK_ACCOUNT_CHARS_MAX,
    )  # fmt: skip
    over = forms.BooleanField(
        label=gettext_lazy("more came than is open, and is recorded all the same"), required=False
    )


class DeductionForm(forms.Form):
    """Something that is to be deducted of a notice and, where it cannot bear it, of later ones."""

    kind = forms.TypedChoiceField(
        label=gettext_lazy("kind"), coerce=int,
        choices=[(int(kind), word) for kind, word in DEDUCTION_WORDS.items()],
    )  # fmt: skip
    yuan = YuanField(label=gettext_lazy("yuan"))
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=_TEXT)
    later = forms.BooleanField(
        label=gettext_lazy("more than what is due, and the rest is deducted of later months"),
        required=False,
    )


class _OfDeduction(forms.Form):
    deduction = forms.TypedChoiceField(label=gettext_lazy("deduction"), coerce=int)
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=_TEXT)


class _OfPayment(forms.Form):
    payment = forms.TypedChoiceField(label=gettext_lazy("payment"), coerce=int)
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=_TEXT)


class _Return(_OfPayment):
    reference = forms.CharField(
        label=gettext_lazy("reference of the return at the bank"), max_length=_TEXT
    )
    on = DayField(label=gettext_lazy("day on which it counts"))
    account = forms.CharField(
        label=gettext_lazy("account it was seen on"), required=False,
        max_length=limits.BANK_ACCOUNT_CHARS_MAX,
    )  # fmt: skip


class _OfFile(forms.Form):
    file = forms.TypedChoiceField(label=gettext_lazy("payment file"), coerce=int)
    reason = forms.CharField(label=gettext_lazy("reason that the bank gives"), max_length=_TEXT)


def _choosing(form: type[forms.Form], name: str, choices: list[tuple[int, str]]) -> Any:  # noqa: ANN401
    """Return a form like another of which a field offers these choices."""
    field = forms.TypedChoiceField(
        label=form.base_fields[name].label,
        coerce=int,
        choices=choices,
    )
    return type(form.__name__, (form,), {name: field})


def acts_of(store: MonthStore, found: Notice, moved: list[Payment]) -> list[Act]:
    """Return what may be done about a notice as it stands."""
    acts = [_step(store, found, status) for status in sorted(STEPS[found.status])]
    if found.status is Status.REJECTED and found.replaced_by is None:
        acts.append(Act("reissue", gettext_lazy("Issue it anew"), partial(_reissue, store, found)))
    if found.status < Status.CLEARED:
        title = gettext_lazy("Enter a deduction")
        acts.append(Act("deduct", title, partial(_deduct, store, found), DeductionForm))
    acts += _withdrawing(store, found)
    if found.status in PAYABLE:
        acts.append(
            Act("register", gettext_lazy("Register a payment"), partial(_register, store, found),
                PaymentForm, initial={"yuan": yuan_from_fen(found.open_fen).replace(",", "")})
        )  # fmt: skip
    return acts + _payment_acts(store, moved) + _file_acts(store, found)


def _step(store: MonthStore, found: Notice, status: Status) -> Act:
    def run(given: dict[str, Any], by: By) -> str:
        advance(store, found.number, status, who=by.who, moment=by.moment, reason=given["reason"])
        words = {"number": found.number, "state": STATUS_WORDS[status]}
        return _("Notice %(number)d: %(state)s.") % words

    decides = status in {Status.REVIEWED, Status.CLEARED}
    return Act(
        name=status.name.lower(),
        title=_STEP_TITLES[status],
        run=run,
        form=ReasonForm if status is Status.REJECTED else OptionalReasonForm,
        right=Right.APPROVE if decides else Right.CLEAR,
        more=_MORE.get(status, ""),
    )


def _reissue(store: MonthStore, found: Notice, given: dict[str, Any], by: By) -> str:
    del given
    new = reissue(store, found.number, who=by.who, moment=by.moment)
    return _("It is issued anew as notice %d.") % new.number


def _deduct(store: MonthStore, found: Notice, given: dict[str, Any], by: By) -> str:
    kind = DeductionKind(given["kind"])
    rest_fen = beyond_due_fen(found, given["yuan"])
    if rest_fen and not given["later"]:
        text = _(
            "Nothing is entered yet: %(now)s yuan are due and can be deducted now; %(rest)s yuan "
            "would wait for notices of later months. If that is meant, say so here."
        )
        words = {"now": yuan_from_fen(found.due_fen), "rest": yuan_from_fen(rest_fen)}
        raise InvalidRequest([Fault("later", text % words)])
    entered = deduct(store, found.number, kind, given["yuan"], who=by.who,
                     reason=given["reason"], moment=by.moment, later=given["later"])  # fmt: skip
    told = {"taken": yuan_from_fen(entered.taken_fen), "all": yuan_from_fen(entered.amount_fen)}
    return _("%(taken)s of %(all)s yuan are deducted now.") % told


def _withdrawing(store: MonthStore, found: Notice) -> list[Act]:
    """Return how a deduction of the pair and fund line is withdrawn, where somebody entered one."""
    pair = (found.debtor, found.creditor, found.fund_line)
    choices = [
        (each.deduction, f"{each.deduction}: {yuan_from_fen(each.amount_fen)} {each.reason}")
        for each in deductions(store, pair)
        if each.may_be_withdrawn
    ]

    def run(given: dict[str, Any], by: By) -> str:
        gone = withdraw(store, given["deduction"], who=by.who, reason=given["reason"],
                        moment=by.moment)  # fmt: skip
        words = {"number": gone.deduction, "given_up": yuan_from_fen(gone.withdrawn_fen)}
        return _("Deduction %(number)d: %(given_up)s yuan are given up.") % words

    title = gettext_lazy("Withdraw a deduction")
    more = gettext_lazy(
        "What notices that are not cleared took of it is due again; whoever withdraws it neither "
        "approves their review nor clears them."
    )
    form = _choosing(_OfDeduction, "deduction", choices)
    return [Act("withdraw", title, run, form, more=more)] if choices else []


def _register(store: MonthStore, found: Notice, given: dict[str, Any], by: By) -> str:
    seen = Seen(given["reference"], given["on"], by.who, given["account"])
    payment = register(store, found.number, given["yuan"], seen, by.moment, over=given["over"])
    return _("Payment %d is registered.") % payment


def _payment_acts(store: MonthStore, moved: list[Payment]) -> list[Act]:
    """Return what may be done about the payments of a notice that stand."""
    back = {each.returns for each in moved if not each.unregistered}
    standing = [each for each in moved if not each.unregistered and each.payment not in back]

    def returned(given: dict[str, Any], by: By) -> str:
        seen = Seen(given["reference"], given["on"], by.who, given["account"])
        give_back(store, given["payment"], seen, given["reason"], by.moment)
        return _("The return of payment %d is registered; the notice is open again.") % int(
            given["payment"]
        )

    def mistaken(given: dict[str, Any], by: By) -> str:
        unregister(store, given["payment"], who=by.who, reason=given["reason"], moment=by.moment)
        return _("Payment %d is taken back: no money moved.") % int(given["payment"])

    paid = [_choice(each) for each in standing if each.returns is None]
    by_hand = [_choice(each) for each in standing if each.source == "hand"]
    acts: list[tuple[str, Any, Callable[..., str], Any, list[tuple[int, str]]]] = [
        ("give-back", gettext_lazy("Register a return"), returned, _Return, paid),
        ("unregister", gettext_lazy("Take back a mistake"), mistaken, _OfPayment, by_hand),
    ]
    return [
        Act(name, title, run, _choosing(form, "payment", choices))
        for name, title, run, form, choices in acts
        if choices
    ]


def _choice(each: Payment) -> tuple[int, str]:
    return each.payment, f"{each.payment}: {yuan_from_fen(each.amount_fen)} {each.reference}"


def _file_acts(store: MonthStore, found: Notice) -> list[Act]:
    """Return what may be done about what the bank was asked for and has not paid."""
    waiting = [each for each in asked_of(store, found.number) if each.left_fen]

    def refused(given: dict[str, Any], by: By) -> str:
        refuse(store, given["file"], found.number, who=by.who, reason=given["reason"],
               moment=by.moment)  # fmt: skip
        return _("The refusal is registered; the next payment file has this notice again.")

    choices = [
        (each.file, f"{each.message_id}: {yuan_from_fen(each.left_fen)}") for each in waiting
    ]
    title = gettext_lazy("Register a refusal of the bank")
    form = _choosing(_OfFile, "file", choices)
    return [Act("refused", title, refused, form)] if choices else []
