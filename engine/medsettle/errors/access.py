"""Why a caller is not let in, or not to this."""

from medsettle.errors.tree import SettlementError


class NotAuthenticated(SettlementError):
    """Nobody known asks: no certificate or token, or one that is revoked or has run out.

    Nothing was looked up and nothing done.
    """

    reason = "NOT_AUTHENTICATED"


class NotPermitted(SettlementError):
    """The caller is known and may not do this, or not for that institution or area.

    Nothing was looked up and nothing done.
    """

    reason = "NOT_PERMITTED"
