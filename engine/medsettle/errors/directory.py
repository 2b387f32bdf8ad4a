"""Why an institution or a person is not known, not insured on a day, or cannot file."""

from medsettle.errors.tree import NotFound, Precondition


class InstitutionUnknown(NotFound):
    """No institution of that code is in the directory."""

    reason = "INSTITUTION_UNKNOWN"


class PersonUnknown(NotFound):
    """Nobody in the directory has that number, certificate, card or token."""

    reason = "PERSON_UNKNOWN"


class PersonDiffers(Precondition):
    """What else was stated, such as the name, is not that of the person found."""

    reason = "PERSON_DIFFERS"


class CredentialExpired(Precondition):
    """The e-voucher token had expired when it was presented; scanning it anew gives another."""

    reason = "CREDENTIAL_EXPIRED"


class NotEnrolled(Precondition):
    """The person has no enrolment of that insurance type in that area."""

    reason = "NOT_ENROLLED"


class EnrolmentNotBegun(NotEnrolled):
    """The enrolment begins after the day asked for."""

    reason = "ENROLMENT_NOT_BEGUN"


class EnrolmentPaused(NotEnrolled):
    """The enrolment was paused on or before the day asked for."""

    reason = "ENROLMENT_PAUSED"


class EnrolmentEnded(NotEnrolled):
    """The enrolment ended on or before the day asked for."""

    reason = "ENROLMENT_ENDED"


class FilingRefused(Precondition):
    """A filing of the same thing counts on these days, or it was cancelled before."""

    reason = "FILING_REFUSED"
