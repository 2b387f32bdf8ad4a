"""What roles are called in the console."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from medsettle.identity.roles import Role

ROLE_TITLES: Final = {
    Role.ADMINISTRATOR: _("administrator"),
    Role.CLEARING: _("clearing officer"),
    Role.ACTUARY: _("actuary"),
    Role.AUDITOR: _("auditor"),
    Role.POLICY_OFFICER: _("policy officer"),
    Role.INSTITUTION: _("insurance office of an institution"),
}
