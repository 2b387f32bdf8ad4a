"""Filings (备案) of a person as they stand, and what they state in later claims.

A filing is a message in the ledger; so is its cancel. All filings of a person in an area have one
subject, so that they are found by one look-up and two of them never cross. What a filing does to a
claim follows from the filing, its days, and where the visit is; the words for it are those of the
area's rules, which the directory says (`FilingEffect`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from medsettle import limits
from medsettle.core.messages import MessageState
from medsettle.engine.messages import Messages
from medsettle.gateway.directory import FilingEffect, Institution, Place
from medsettle.gateway.filing import CHOICE, DISEASE, REFERRAL, Filing
from medsettle.gateway.insured import covers

CANCELS: Final = {"2502": REFERRAL, "2504": DISEASE, "2506": CHOICE}
"""Transaction that cancels -> transaction that files."""

_LISTED: Final = "benefit_groups"


@dataclass(frozen=True, slots=True)
class Visited:
    """What of a visit decides which filings cover it.

    `disease` is the chronic or special disease that it is for, None where for none.
    """

    institution: Institution
    pooling_area: str
    insurance_type: str
    day: date
    disease: str | None = None

    @property
    def place(self) -> Place:
        """Where the institution lies, as seen from the area of insurance."""
        if covers(self.pooling_area, self.institution.area):
            return Place.HOME
        same = self.pooling_area[:2] == self.institution.area[:2]
        return Place.PROVINCE if same else Place.ELSEWHERE


def subject_of(pooling_area: str, person: str) -> str:
    """Return the subject under which the filings of a person are recorded."""
    return f"filings.{pooling_area}.{person}"


def folded(states: Sequence[MessageState]) -> list[Filing]:
    """Return the filings that messages of one subject tell of, in the order they were made."""
    found: dict[str, Filing] = {}
    for state in states:
        message = state.message
        content: Any = message.content
        if message.kind in CANCELS:
            number = str(content["trt_dcla_detl_sn"])
            found[number] = replace(found[number], cancelled=message.kind)
        else:
            number = Messages.id_of(message)
            found[number] = Filing(
                number,
                message.kind,
                message.person,
                message.pooling_area,
                content,
                state.seq,
                institution=message.institution,
            )
    return list(found.values())


def filed_facts(
    filings: Sequence[Filing], effects: Sequence[FilingEffect], visited: Visited
) -> dict[str, Any]:
    """Return the columns of a claim that filings state, and no others.

    They are those of `medsettle.core.schema.CLAIM`: `approved_diseases` (every disease approved on
    the day, in order), `approval_date` (of the disease of the visit), and what the effects of the
    area say: `referral`, `filing` with its `filing_date`, and more `benefit_groups`. Of effects on
    one column the first counts; groups add up.

    Args:
        filings: Those of the person in the area.
        effects: Those of the area, in order.
        visited: The visit.
    """
    counting = [
        each
        for each in filings
        if each.counts(visited.day) and each.insurance_type in {None, visited.insurance_type}
    ]
    facts = _disease_facts(counting, visited)
    covering = [each for each in counting if _covers(each, visited)]
    groups: list[str] = []
    for effect, filing in _effects(covering, effects, visited):
        if effect.column == _LISTED:
            groups.append(effect.value)
        elif effect.column not in facts:
            facts[effect.column] = effect.value
            if effect.column == "filing" and filing is not None:
                facts["filing_date"] = filing.begin
    if groups:
        facts[_LISTED] = sorted(set(groups))
    return facts


def _disease_facts(counting: Sequence[Filing], visited: Visited) -> dict[str, Any]:
    approved = {
        str(each.said["opsp_dise_code"]): each.begin for each in counting if each.kind == DISEASE
    }
    facts: dict[str, Any] = {}
    if approved:
        facts["approved_diseases"] = sorted(approved)[: limits.APPROVED_DISEASES_MAX]
    if visited.disease in approved:
        facts["approval_date"] = approved[visited.disease]
    return facts


def _covers(filing: Filing, visited: Visited) -> bool:
    """Return whether a visit is one that a filing was made for.

    A choice is of one institution; so is a referral that names one, else it is to an area. An
    approved disease is treated anywhere.
    """
    own = visited.institution
    if filing.kind == CHOICE:
        return bool(filing.said["fixmedins_code"] == own.institution)
    if filing.kind == REFERRAL:
        named = filing.said.get("reflin_medins_no")
        if named is not None:
            return bool(named == own.institution)
        return covers(filing.said["mdtrtarea_admvs"], own.area)
    return visited.disease is not None and filing.said["opsp_dise_code"] == visited.disease


def _effects(
    covering: Sequence[Filing], effects: Sequence[FilingEffect], visited: Visited
) -> Iterator[tuple[FilingEffect, Filing | None]]:
    """Yield the effects that a visit has, each with the filing that has it, where there is one."""
    for effect in effects:
        if effect.place not in {None, visited.place}:
            continue
        if effect.filing is None:
            if not covering:
                yield effect, None
            continue
        for filing in covering:
            if filing.kind == effect.filing and effect.subject in {None, filing.subject}:
                yield effect, filing
                break
