"""Why a card, or something that is to happen to one, does not count."""

from medsettle.errors.tree import Precondition


class CardRefused(Precondition):
    """The card or credential presented with a claim does not count at the time of service."""

    reason = "CARD_REFUSED"


class CredentialNotAccepted(CardRefused):
    """The area settles nothing with a credential of that type."""

    reason = "CREDENTIAL_NOT_ACCEPTED"


class CardUnknown(CardRefused):
    """No card of that kind and token was issued in the area before the time of service."""

    reason = "CARD_UNKNOWN"


class CardOfAnotherPerson(CardRefused):
    """The card belongs to another person than the claim."""

    reason = "CARD_OF_ANOTHER_PERSON"


class CardCancelled(CardRefused):
    """The card had been given up."""

    reason = "CARD_CANCELLED"


class CardReplaced(CardRefused):
    """A replacement of the card had been applied for."""

    reason = "CARD_REPLACED"


class CardExpired(CardRefused):
    """The last day of the card had passed."""

    reason = "CARD_EXPIRED"


class CardLost(CardRefused):
    """The card was reported lost, temporarily or formally."""

    reason = "CARD_LOST"


class CardLocked(CardRefused):
    """The card was locked, and the area does not let a locked card do this."""

    reason = "CARD_LOCKED"


class CardNotActivated(CardRefused):
    """The card had been issued and not been activated."""

    reason = "CARD_NOT_ACTIVATED"


class CardOutsideArea(CardRefused):
    """A temporary card was presented for care outside the area that issued it."""

    reason = "CARD_OUTSIDE_AREA"


class CardOnInvalidList(CardRefused):
    """An invalid list of the nation, the province or the city names the card."""

    reason = "CARD_ON_INVALID_LIST"


class CardActionRefused(Precondition):
    """The card is in no state in which this can happen to it, or the area asks for more."""

    reason = "CARD_ACTION_REFUSED"
