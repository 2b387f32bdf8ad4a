"""The visit (就诊, mdtrt_id) as it stands: folded from the messages that were told about it.

Nothing of a visit is kept beside the ledger. What was settled of it is not told here either: the
settlements say so themselves, by the settlement number that each was recorded under.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from medsettle import errors
from medsettle.core.messages import MessageState
from medsettle.gateway.fields import Values
from medsettle.ledger.entries import Holder, message_holder

ALL: Final = "0000"
"""Stands for everything that is not settled yet, in place of one number."""

_STAY: Final = "stay"


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was sent, and how it was split then, both as recorded."""

    number: str
    batch: str
    said: Values
    split: Values

    @property
    def day(self) -> date:
        """The day of its fee, in China."""
        return date.fromisoformat(self.said["fee_ocur_time"][:10])


@dataclass(frozen=True, slots=True)
class Encounter:
    """One visit or stay at one institution.

    `facts` are what the last message that stated each said about it (mdtrtinfo, adminfo); `lines`
    those that were sent and not withdrawn, by number, in the order they came. `discharged_at` is
    the place of the discharge in the ledger. `ended` is how the visit was given up, None while it
    was not.
    """

    encounter: str
    institution: str
    pooling_area: str
    person: str
    stay: bool
    facts: Values
    diagnoses: tuple[Values, ...] = ()
    discharge: Values | None = None
    discharged_at: int = 0
    lines: Mapping[str, Line] = field(default_factory=dict)
    ended: str | None = None

    @property
    def holders(self) -> frozenset[Holder]:
        """What a write that rests on this visit keeps from other writers."""
        return frozenset({(self.pooling_area, self.person), message_holder(self.encounter)})

    @property
    def insurance_type(self) -> str:
        """险种类型 under which it was registered."""
        return str(self.facts["insutype"])

    @property
    def begun(self) -> date:
        """The day on which it began."""
        return self.begun_at.date()

    @property
    def begun_at(self) -> datetime:
        """When it began, as the last message that says so states."""
        return datetime.fromisoformat(self.facts["begntime"])

    @property
    def visit_type(self) -> str | None:
        """医疗类别 as stated; None where no message stated one yet."""
        return self.facts.get("med_type")

    @property
    def main_diagnosis(self) -> str | None:
        """Code of the main diagnosis: the one marked so, else the first; None where none is."""
        valid = [each for each in self.diagnoses if each.get("vali_flag") != "0"]
        ranked = sorted(
            valid, key=lambda each: (each.get("maindiag_flag") != "1", each["diag_srt_no"])
        )
        return str(ranked[0]["diag_code"]) if ranked else None

    def batch(self, number: str) -> list[Line]:
        """Return the lines of a batch (收费批次)."""
        return [line for line in self.lines.values() if line.batch == number]

    def stem(self, batch: str | None = None) -> str:
        """Return what the institution's settlement numbers of a batch, or of a stay, begin with.

        Short, whatever the client calls its batches, since a settlement number is.
        """
        return stem_of(self.encounter, batch)

    def check_open(self) -> None:
        """Refuse what needs a visit that was not given up.

        Raises:
            EncounterRefused: It was.
        """
        if self.ended is not None:
            self.refuse(f"was cancelled by {self.ended}; register it anew")

    def refuse(self, why: str) -> None:
        """Raise EncounterRefused, which names this visit and says why."""
        raise errors.EncounterRefused(f"visit {self.encounter} {why}", encounter=self.encounter)


def stem_of(encounter: str, batch: str | None = None) -> str:
    """Return what settlement numbers of a batch of a visit, or of a stay, begin with.

    >>> stem_of("V1"), stem_of("V1", "B1")
    ('V1.stay', 'V1.5b950e77941d')
    """
    key = _STAY if batch is None else sha256(batch.encode()).hexdigest()[:12]
    return f"{encounter}.{key}"


def folded(states: Sequence[MessageState]) -> Encounter | None:
    """Return the visit that messages in ledger order tell of, None where there is none."""
    if not states or states[0].message.kind not in _BEGINNINGS:
        return None
    encounter = _begun(states[0])
    for state in states[1:]:
        encounter = _STEPS[state.message.kind](encounter, state)
    return encounter


def _begun(state: MessageState) -> Encounter:
    message = state.message
    content: Mapping[str, Any] = message.content
    stay = message.kind == "2401"
    return Encounter(
        encounter=message.subject,
        institution=message.institution,
        pooling_area=message.pooling_area,
        person=message.person,
        stay=stay,
        facts=content["mdtrtinfo"] if stay else content["data"],
        diagnoses=tuple(content.get("diseinfo", ())),
    )


def _told(encounter: Encounter, state: MessageState) -> Encounter:
    content: Mapping[str, Any] = state.message.content
    facts = content.get("mdtrtinfo") or content.get("adminfo") or {}
    diagnoses = tuple(content.get("diseinfo") or encounter.diagnoses)
    return replace(encounter, facts={**encounter.facts, **facts}, diagnoses=diagnoses)


def _charged(encounter: Encounter, state: MessageState) -> Encounter:
    content: Mapping[str, Any] = state.message.content
    answer: Mapping[str, Any] = state.answer
    new = {
        row["feedetl_sn"]: Line(row["feedetl_sn"], row.get("chrg_bchno", ""), row, split)
        for row, split in zip(content["feedetail"], answer["result"], strict=True)
    }
    return replace(encounter, lines={**encounter.lines, **new})


def _withdrawn(encounter: Encounter, state: MessageState) -> Encounter:
    # Which lines those were was decided, and recorded, when they were withdrawn.
    answer: Mapping[str, Any] = state.answer
    gone = set(answer["withdrawn"])
    left = {number: line for number, line in encounter.lines.items() if number not in gone}
    return replace(encounter, lines=left)


def _discharged(encounter: Encounter, state: MessageState) -> Encounter:
    content: Mapping[str, Any] = state.message.content
    diagnoses = tuple(content.get("diseinfo") or encounter.diagnoses)
    return replace(
        encounter,
        discharge=content["dscginfo"],
        discharged_at=state.seq,
        diagnoses=diagnoses,
    )


def _recalled(encounter: Encounter, _: MessageState) -> Encounter:
    return replace(encounter, discharge=None)


def _ended(encounter: Encounter, state: MessageState) -> Encounter:
    return replace(encounter, ended=state.message.kind)


LINE_KINDS: Final = frozenset({"2204", "2205", "2301", "2302"})
"""Transactions that tell of lines alone, or take them back."""

_BEGINNINGS: Final = {"2201", "2401"}
_STEPS: Final = {
    "2202": _ended,
    "2203": _told,
    "2204": _charged,
    "2205": _withdrawn,
    "2301": _charged,
    "2302": _withdrawn,
    "2402": _discharged,
    "2403": _told,
    "2404": _ended,
    "2405": _recalled,
    # The reversal of an admission whose answer did not arrive.
    "2601": _ended,
}
