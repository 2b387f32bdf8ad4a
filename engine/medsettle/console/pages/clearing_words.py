"""What states and codes of clearing are called on pages."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from medsettle.clearing.hospitals.declarations import Status as DeclarationStatus
from medsettle.clearing.hospitals.deductions import Code
from medsettle.clearing.hospitals.status import Stage
from medsettle.clearing.months.calendar import Step
from medsettle.clearing.months.lines import Held, LineKind
from medsettle.clearing.months.tables import TableName
from medsettle.clearing.notices.bank import Finding
from medsettle.clearing.notices.book import Notice, Status
from medsettle.clearing.notices.deductions import DeductionKind
from medsettle.clearing.prepayments.increase import IncreaseState
from medsettle.clearing.prepayments.notices import NoticeKind
from medsettle.clearing.prepayments.prepayment import Level

STATUS_WORDS: Final = {
    Status.APPLIED: _("issued"),
    Status.ACCEPTED: _("accepted"),
    Status.REVIEWING: _("in review"),
    Status.REVIEWED: _("reviewed"),
    Status.CLEARED: _("to be paid"),
    Status.PAID: _("paid"),
    Status.REJECTED: _("rejected"),
}
DECLARATION_WORDS: Final = {
    DeclarationStatus.APPLIED: _("applied"),
    DeclarationStatus.ACCEPTED: _("accepted"),
    DeclarationStatus.REVIEWING: _("in review"),
    DeclarationStatus.REVIEWED: _("reviewed"),
    DeclarationStatus.CLEARED: _("cleared"),
    DeclarationStatus.PAID: _("paid"),
    DeclarationStatus.REJECTED: _("rejected"),
}
STAGE_WORDS: Final = {
    Stage.REPORTED: _("reported"),
    Stage.DECLARED: pgettext_lazy("stage", "declared"),
    Stage.REVIEWED: _("reviewed"),
    Stage.INSTANT_PAID: _("instant slice paid"),
    Stage.MONTH_PAID: _("month paid"),
    Stage.RESERVE_RELEASED: _("reserve released"),
    Stage.TAKEN_BACK: _("taken back"),
}
STEP_WORDS: Final = {
    Step.DAILY_MATCH: _("daily matching"),
    Step.CLOSE_OF_DAYS: _("reconciliation of all days is closed"),
    Step.HOSPITALS_DECLARE: _("hospitals declare"),
    Step.DECLARATION: _("the place of care declares"),
    Step.TABLES_GENERATED: _("tables are made"),
    Step.CONFIRMED: _("tables are confirmed"),
    Step.NOTICES_ISSUED: _("notices are issued"),
    Step.HANDED_TO_FINANCE: _("handed to finance"),
    Step.TRANSFERRED: _("money is transferred"),
    Step.REGISTERED: _("payments are registered"),
    Step.HOSPITALS_PAID_AIM: _("hospitals are paid, as aimed for"),
    Step.HOSPITALS_PAID: _("hospitals are paid"),
    Step.LATEST_INCLUSION: _("last day for late settlements"),
    Step.MONTH_CLEARED: _("the month is cleared"),
    Step.QUARTER_CLEARED: _("the quarter is cleared"),
    Step.YEAR_CLEARED: _("the year is cleared"),
    Step.PREPAYMENT_NOTICED: _("prepayments are noticed"),
    Step.PREPAYMENT_PAID: _("prepayments are paid"),
}
HELD_WORDS: Final = {
    Held.OPEN_DIFFERENCE: _("a difference is open"),
    Held.TOO_LATE: _("too late, to be decided"),
    Held.ORIGINAL_UNKNOWN: _("its original is unknown, to be decided"),
    Held.WITH_ORIGINAL: _("its original is not taken, to be decided"),
    Held.DUPLICATE: _("in the book more than once"),
    Held.CHANGED: _("changed since a month took it"),
    Held.LEFT_OUT: _("left out by decision"),
}
LINE_WORDS: Final = {
    LineKind.OWN: _("of the month"),
    LineKind.LATE: _("late"),
    LineKind.CANCEL: _("cancel"),
    LineKind.REFUND: _("refund across months"),
    LineKind.ADJUSTMENT: _("adjustment"),
    LineKind.DEDUCTION: _("deduction"),
}
TABLE_WORDS: Final = {
    TableName.PAYABLE: _("payable"),
    TableName.RECEIVABLE: _("receivable"),
    TableName.DEDUCTIONS: _("deductions of reviews"),
    TableName.EMPLOYEE: _("records of the employee line"),
    TableName.RESIDENT: _("records of the resident line"),
    TableName.BILLS: _("bills"),
}
FINDING_WORDS: Final = {
    Finding.BOOKED: _("booked"),
    Finding.UNKNOWN_ID: _("no notice has its id"),
    Finding.OTHER_AMOUNT: _("not the amount that is open"),
    Finding.OTHER_CURRENCY: _("not in yuan"),
    Finding.OTHER_ACCOUNT: _("on an account that the notice does not have"),
    Finding.SEEN_BEFORE: _("its reference was seen before"),
    Finding.NO_REFERENCE: _("has no reference"),
    Finding.NOT_CLEARED: _("the notice is not cleared"),
    Finding.PAID_BEFORE: _("nothing of the notice is open"),
    Finding.NOTHING_TO_RETURN: _("takes back what was not booked"),
    Finding.CAME_BACK: _("may be a payment that came back, told late"),
    Finding.SEEN_ELSEWHERE: _("may be a payment seen on another account"),
    Finding.PENDING: _("not booked by the bank yet"),
}
DEDUCTION_WORDS: Final = {
    DeductionKind.REVIEW: _("review"),
    DeductionKind.INSPECTION: _("inspection"),
    DeductionKind.PREPAYMENT_OFFSET: _("prepayment offset"),
    DeductionKind.RESERVE: _("reserve"),
    DeductionKind.OTHER: _("other"),
}
CODE_WORDS: Final = {
    Code.REVIEW: _("review"),
    Code.INSPECTION: _("inspection"),
    Code.OFFSET: _("advance taken back"),
    Code.RESERVE: _("reserve"),
    Code.OTHER: _("other"),
}
LEVEL_WORDS: Final = {
    Level.NORMAL: _("enough"),
    Level.YELLOW: _("yellow"),
    Level.RED: _("red"),
}
INCREASE_WORDS: Final = {
    IncreaseState.REQUESTED: _("asked for"),
    IncreaseState.APPROVED: _("approved"),
    IncreaseState.REFUSED: _("refused"),
    IncreaseState.NOTICED: _("noticed"),
    IncreaseState.PAID: _("paid"),
    IncreaseState.SUPERSEDED: _("superseded"),
}
NOTICE_KIND_WORDS: Final = {
    NoticeKind.PREPAYMENT: _("prepayment"),
    NoticeKind.ADJUSTMENT: _("yearly recalculation"),
    NoticeKind.INCREASE: _("urgent increase"),
}
FUND_LINE_WORDS: Final = {
    "employee": _("employee funds"),
    "resident": _("resident funds"),
    "work_injury": _("work injury"),
    "assistance": _("medical assistance"),
}


def fund_line_word(line: str) -> Any:  # noqa: ANN401 - a text that is translated later
    """Return what a fund line is called; others go by the digits of their insurance type."""
    return FUND_LINE_WORDS.get(line, line)


def notice_row(found: Notice, *, overdue: bool) -> dict[str, Any]:
    """Return a notice with its words: its state, and whether it is good, bad or neither."""
    tone = {Status.PAID: "good", Status.REJECTED: "bad"}.get(found.status, "")
    return {
        "notice": found,
        "state": STATUS_WORDS[found.status],
        "tone": tone,
        "overdue": overdue,
        "line": fund_line_word(found.fund_line),
    }
