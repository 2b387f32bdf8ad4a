"""What the classes, states and columns of differences are called on pages."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from medsettle.clearing.items.item import Happened, State
from medsettle.clearing.items.listing import Standing
from medsettle.clearing.matching.book import RecordKind, Side
from medsettle.clearing.matching.classes import Action, DifferenceClass, Term

CLASSES: Final[Mapping[DifferenceClass, Any]] = {
    DifferenceClass.ONLY_CARE: _("only the place of care has it"),
    DifferenceClass.NOT_INSURED: _("the place of insurance lacks it"),
    DifferenceClass.NOT_CARE: _("the place of care lacks it"),
    DifferenceClass.HALF_REVERSED: _("half reversed"),
    DifferenceClass.AMOUNT: _("amounts differ"),
    DifferenceClass.SPLIT: _("payers differ"),
    DifferenceClass.STATE: _("taken back in one book alone"),
    DifferenceClass.PERIOD: _("recorded on other days"),
    DifferenceClass.DUPLICATE: _("recorded twice"),
    DifferenceClass.PERSON: _("another person or card"),
    DifferenceClass.DEDUCTION: _("deduction of a review"),
    DifferenceClass.VERSION: _("another version of the rules"),
    DifferenceClass.FACT: _("another fact of the claim"),
    DifferenceClass.NOT_NATIONAL: _("the nation lacks it"),
}
SIDES: Final[Mapping[Side, Any]] = {
    Side.INSURED: _("place of insurance"),
    Side.CARE: _("place of care"),
    Side.NATIONAL: _("nation"),
}
ACTIONS: Final[Mapping[Action, Any]] = {
    Action.REVERSE: _("take it back"),
    Action.INSERT: _("record it where it is missing"),
    Action.ADJUST: _("adjust the amounts"),
    Action.COMPLETE_CANCEL: _("complete the cancel"),
    Action.ROLL_FORWARD: _("leave it in the month of the place of insurance"),
    Action.HOLD: _("hold it back until it is looked into"),
    Action.ACKNOWLEDGE: _("take it over as it is"),
    Action.WRITE_OFF: _("give it up"),
}
STATES: Final[Mapping[State, Any]] = {
    State.OPEN: _("open"),
    State.PROPOSED: _("proposed"),
    State.APPROVED: _("approved"),
    State.APPLIED: _("done"),
    State.CLOSED: _("closed"),
}
TERMS: Final[Mapping[Term, Any]] = {
    Term.NEXT_DAY: _("the next day"),
    Term.CLOSE_OF_DAYS: _("the close of the days of the month"),
    Term.DECLARATION: _("the declaration of the month"),
    Term.MONTHLY: _("the month"),
    Term.CASE: _("no day: it takes an investigation"),
}
STANDINGS: Final[Mapping[Standing, Any]] = {
    Standing.STANDING: _("all that are open"),
    Standing.OPEN: _("nothing proposed yet"),
    Standing.HELD: _("on hold"),
    Standing.PROPOSED: _("proposed"),
    Standing.TO_APPROVE: _("waiting for approval"),
    Standing.APPROVED: _("approved"),
    Standing.APPLIED: _("done"),
    Standing.OVERDUE: _("overdue"),
    Standing.ENDED: _("ended"),
    Standing.ALL: _("all, ended ones too"),
}
HAPPENED: Final[Mapping[Happened, Any]] = {
    Happened.OPENED: _("found first"),
    Happened.FOUND: _("found again"),
    Happened.CHANGED: _("found otherwise: what was proposed is void"),
    Happened.PROPOSED: _("proposed"),
    Happened.APPROVED: _("approved"),
    Happened.APPLIED: _("done"),
    Happened.HELD: _("put on hold"),
    Happened.CLOSED: _("closed: not found any more"),
    Happened.REOPENED: _("opened again: found although it had ended"),
}
BAND_TITLES: Final = (
    _("0–1 days"),
    _("2–7 days"),
    _("8–30 days"),
    _("31–90 days"),
    _("over 90 days"),
)
KINDS: Final[Mapping[RecordKind, Any]] = {
    RecordKind.SETTLE: _("settlement"),
    RecordKind.CANCEL: _("cancel"),
    RecordKind.ADJUST: _("adjustment"),
    RecordKind.DEDUCTION: _("deduction"),
}
COLUMNS: Final[Mapping[str, Any]] = {
    "settlement": _("settlement"),
    "kind": _("kind"),
    "original": _("belongs to"),
    "record_time": _("recorded"),
    "record_date": _("day of the record"),
    "institution": _("institution"),
    "request_id": _("request"),
    "institution_settlement": _("settlement number of the institution"),
    "encounter": _("encounter"),
    "person": _("person"),
    "card": _("card"),
    "credential_type": _("type of credential"),
    "pooling_area": _("pooling area"),
    "care_area": _("area of care"),
    "insurance_type": _("insurance type"),
    "visit_type": _("visit type"),
    "clearing_class": _("clearing class"),
    "service_date": _("service date"),
    "total_fen": _("bill"),
    "deductible_fen": _("deductible"),
    "fund_total_fen": _("funds"),
    "person_total_fen": _("borne by the person"),
    "cash_fen": _("cash"),
    "policy": _("policy"),
    "policy_digest": _("revision of the policy"),
    "catalogue_digest": _("revision of the catalogue"),
}
"""Pots and payers apart, which the filter `payer` names."""
