"""The store of items behind the pages of reconciliation, and who may look into an item."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.urls import register_converter
from django.utils.translation import gettext as _

from medsettle.clearing.items.store import ItemStore
from medsettle.console.models import Account
from medsettle.console.pages.clearing_stores import items
from medsettle.errors import NotFound
from medsettle.identity.roles import Right, Role, rights_of


class _Number:
    """A number in an address, so small that every store holds it."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(_Number, "number")


@contextmanager
def items_there() -> Iterator[ItemStore]:
    """Lend the store of items.

    Raises:
        NotFound: Nothing was reconciled yet.
    """
    with items() as store:
        if store is None:
            raise NotFound(_("Nothing has been reconciled yet. Start a run first."))
        yield store


def may_look_into() -> list[str]:
    """Return who may look into items, by name."""
    roles = [role.value for role in Role if Right.RECONCILE in rights_of(role)]
    people = Account.objects.filter(is_active=True, role__in=roles).order_by("username")
    return [each.get_username() for each in people]
