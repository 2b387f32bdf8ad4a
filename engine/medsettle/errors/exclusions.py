"""What is found before payment and refuses a claim."""

from medsettle.errors.tree import Precondition


class Excluded(Precondition):
    """The claim is refused before payment by the `exclusions.yaml` of its area.

    `metadata` has the name of the check, what it was found by, and the remedy in both languages.
    """

    reason = "EXCLUDED"


class LiabilityUnanswered(Excluded):
    """It was not answered whether somebody else is liable for an accident."""

    reason = "LIABILITY_UNANSWERED"


class OtherLiable(Excluded):
    """Somebody else is liable for what the claim is for, such as a third party or work injury."""

    reason = "OTHER_LIABLE"


class SuspendedPerson(Excluded):
    """The person's settlements are suspended."""

    reason = "SUSPENDED_PERSON"


class SuspendedInstitution(Excluded):
    """The institution's settlements are suspended."""

    reason = "SUSPENDED_INSTITUTION"


class PaidByHand(Excluded):
    """The claim has been paid by hand."""

    reason = "PAID_BY_HAND"


class OverlappingStay(Excluded):
    """The person was in another stay on the same days."""

    reason = "OVERLAPPING_STAY"


class DoubleInsurance(Excluded):
    """The person has a settlement under another insurance in the same period."""

    reason = "DOUBLE_INSURANCE"


class DuplicateItem(Excluded):
    """The same item of the same day is in another settlement of the person."""

    reason = "DUPLICATE_ITEM"


class RepeatedItem(Excluded):
    """An item is in the claim more often on one day than is in order."""

    reason = "REPEATED_ITEM"
