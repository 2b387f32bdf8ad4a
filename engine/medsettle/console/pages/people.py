"""People: who may sign in, in which role, and who may no longer."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm, UserCreationForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from medsettle.console.access import account_of, page
from medsettle.console.admission import OwnPasswordForm
from medsettle.console.models import Account
from medsettle.console.roles import ROLE_TITLES
from medsettle.identity.principals import is_code
from medsettle.identity.roles import Right, Role

if TYPE_CHECKING:
    _OfAccounts = UserCreationForm[Account]
    _OfFields = forms.ModelForm[Account]
else:
    # Only the stubs of Django know what a form is of.
    _OfAccounts, _OfFields = UserCreationForm, forms.ModelForm


class _OfInstitution(forms.BaseForm):
    """A form that asks for a role and an institution."""

    def clean(self) -> dict[str, Any]:
        """Ask for the institution of somebody who is of one, and for none of anybody else."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        of_one = given.get("role") == Role.INSTITUTION
        if of_one and not given.get("institution"):
            self.add_error("institution", forms.ValidationError(_("Name the institution.")))
        if of_one and given.get("institution") and not is_code(str(given["institution"])):
            text = _("No code of an institution: letters, digits, dots, hyphens and underscores.")
            self.add_error("institution", forms.ValidationError(text))
        if not of_one and given.get("institution"):
            text = _("Only somebody of an institution has one; leave it out.")
            self.add_error("institution", forms.ValidationError(text))
        return given


class NewAccount(_OfInstitution, _OfAccounts):
    """Somebody who is to sign in."""

    class Meta:
        """Which fields are asked for."""

        model = Account
        fields = ("username", "role", "institution")


class ChangedAccount(_OfInstitution, _OfFields):
    """What somebody is here for from now on."""

    class Meta:
        """Which fields are asked for."""

        model = Account
        fields = ("role", "institution")


class OwnPassword(PasswordChangeView):
    """The page on which everybody changes their own password."""

    template_name = "console/password.html"
    success_url = reverse_lazy("home")
    form_class = OwnPasswordForm
    title = gettext_lazy("Your password")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return what the form is made of: it has to know where it comes from."""
        return super().get_form_kwargs() | {"request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Change the password; the session that asked goes on."""
        messages.success(self.request, _("Your password is changed; your other sessions are over."))
        return super().form_valid(form)


@page(Right.PEOPLE)
def listed(request: HttpRequest) -> HttpResponse:
    """Show everybody, and add somebody."""
    form = NewAccount(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = form.save()
        messages.success(request, _("%s may sign in now.") % made.username)
        return redirect("people")
    people = [(each, ROLE_TITLES[Role(each.role)]) for each in Account.objects.order_by("username")]
    context = {"title": _("People"), "people": people, "form": form}
    return render(request, "console/people.html", context, status=400 if form.errors else 200)


@page(Right.PEOPLE)
@require_POST
def toggled(request: HttpRequest, name: str) -> HttpResponse:
    """Close an account, or open it again; nobody closes their own."""
    account = get_object_or_404(Account, username=name)
    if account == account_of(request):
        messages.error(request, _("You cannot close your own account."))
    elif account.is_active:
        account.close()
    else:
        account.is_active = True
        account.save()
    return redirect("people")


@page(Right.PEOPLE)
def changed(request: HttpRequest, name: str) -> HttpResponse:
    """Change somebody's role or password; nobody takes their own role from themselves."""
    account = get_object_or_404(Account, username=name)
    if account == account_of(request):
        return redirect("own-password")
    sent = request.POST if request.method == "POST" else None
    is_password = sent is not None and "new_password1" in sent
    role = ChangedAccount(None if is_password else sent, instance=account)
    word = SetPasswordForm(account, sent if is_password else None)
    form: forms.BaseForm = word if is_password else role
    if sent is not None and form.is_valid():
        (word if is_password else role).save()
        text = _("%s has a new password; sessions with the old one ended.")
        messages.success(request, (text if is_password else _("%s is changed.")) % name)
        return redirect("people")
    context = {"title": name, "form": role, "word": word}
    return render(request, "console/person.html", context, status=400 if form.errors else 200)


urls = [
    path("", listed, name="people"),
    path("<str:name>/toggle", toggled, name="toggle-person"),
    path("<str:name>/change", changed, name="change-person"),
]
