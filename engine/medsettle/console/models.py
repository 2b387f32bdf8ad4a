"""What the console keeps itself: accounts of people, and who looked at what."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from medsettle import limits
from medsettle.console.roles import ROLE_TITLES
from medsettle.identity.roles import Right, Role, rights_of


class Account(AbstractUser):
    """A person who signs in, in one role.

    Somebody of an institution sees the settlements of that institution alone.
    """

    role = models.CharField(
        _("role"), max_length=32, choices=[(role.value, ROLE_TITLES[role]) for role in Role]
    )
    institution = models.CharField(
        _("institution"), max_length=limits.CODE_CHARS_MAX, blank=True, default=""
    )

    closings = models.PositiveIntegerField(default=0, editable=False)

    def close(self) -> None:
        """Close the account: its sessions end, and none of them lives again with the account."""
        self.is_active = False
        self.closings += 1
        self.save()

    def get_session_auth_hash(self) -> str:
        """Return what a session has to name; whatever changes it ends all of this person's."""
        given = f"{super().get_session_auth_hash()}{self.closings}"
        return salted_hmac("medsettle.console.closings", given, algorithm="sha256").hexdigest()

    def may(self, right: Right) -> bool:
        """Whether this person may do something."""
        return self.is_active and right in rights_of(self.role)

    @property
    def sees_institution(self) -> str | None:
        """The one institution whose settlements this person sees; None for all of them."""
        return self.institution if self.role == Role.INSTITUTION else None


class Access(models.Model):
    """One page that was asked for: by whom, when, which, and how it was answered.

    `subject` is what it was about, such as the id of a settlement; empty for a list. `query` is
    what an auditor asked the audit tables, whole where the address is cut.
    """

    moment = models.DateTimeField(db_index=True)
    account = models.CharField(max_length=150, db_index=True)
    method = models.CharField(max_length=8)
    page = models.CharField(max_length=64)
    path = models.CharField(max_length=limits.CONSOLE_PATH_CHARS_MAX)
    query = models.CharField(max_length=limits.CONSOLE_QUERY_CHARS_MAX, default="", blank=True)
    subject = models.CharField(max_length=limits.CODE_CHARS_MAX, db_index=True)
    status = models.PositiveSmallIntegerField()


class WrongPasswords(models.Model):
    """How many wrong passwords came for a name, or from an address, and until when none is tried.

    A name is counted whether somebody has it or not.
    """

    of = models.CharField(max_length=200, unique=True)
    count = models.PositiveIntegerField()
    until = models.DateTimeField()
    last = models.DateTimeField(db_index=True)
