"""What moves the personal accounts of a part's persons: an opening, and the credits of each month.

Credits follow the area's own rules, where it has documents whose payouts go to the account and that
settle a claim without a bill. Whatever decides their amount (month, person type, age, entitlements,
contribution base) is settled once for each combination. Interest on what an account holds depends
on its past, which only a replay knows; no credit has any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT
from medsettle.core.dates import age_years, date_of, day_number
from medsettle.core.money import FenArray
from medsettle.core.outcome import Rejection
from medsettle.core.schema import CLAIM
from medsettle.policy.compiled import CompiledPolicy, band_of
from medsettle.replay.population.persons import Persons
from medsettle.replay.population.scene import Scene
from medsettle.settle.item_use import no_values
from medsettle.settle.run import Settler

OPENING, CREDIT = "opening", "credit"
"""Kinds of moves."""

_ORDINAL: Final = date_of(0).toordinal()


@dataclass(frozen=True, slots=True)
class Moves:
    """The n moves of accounts: whose (position in the part), on which day, and by how much."""

    person: NDArray[np.int64]
    day: NDArray[np.int64]
    credit: NDArray[np.bool_]
    delta_fen: FenArray

    def of_persons(self, some: NDArray[np.bool_]) -> "Moves":
        """Return those of some persons, in their order; `some` says of each whether they are."""
        held = some[self.person]
        return Moves(self.person[held], self.day[held], self.credit[held], self.delta_fen[held])


@dataclass
class Credits:
    """The credits of an area, worked out once for each combination of facts; for any thread."""

    scene: Scene
    _settler: Settler = field(init=False)
    _known: dict[tuple[int, ...], int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._settler = Settler(self.scene.book)

    def months(self) -> NDArray[np.int64]:
        """Return the first day of each month of the span."""
        months = np.arange(
            f"{self.scene.span.first_year}-01",
            f"{self.scene.span.last_year + 1}-01",
            dtype="datetime64[M]",
        )
        return months.astype("datetime64[D]").astype(np.int64)

    def policies(self, group: int) -> list[CompiledPolicy]:
        """Return the documents that credit the accounts of a group of persons."""
        takes = self.scene.takes.groups[group]
        return [
            compiled
            for compiled in self.scene.book.policies
            if compiled.policy.pooling_area == self.scene.area
            and compiled.policy.insurance_type == takes.insurance_type
            and compiled.credits_account
            and takes.account
        ]

    def moves(self, persons: Persons, random: np.random.Generator) -> Moves:
        """Return the moves of some persons' accounts; only those of some amount."""
        own = np.flatnonzero(persons.account)
        openings = _openings(self.scene, persons, random)
        months = self.months()
        person, day = np.repeat(own, len(months)), np.tile(months, len(own))
        credited = self._credits(persons, person, day)
        moved, paid = np.flatnonzero(openings), np.flatnonzero(credited)
        return Moves(
            person=np.concatenate([moved, person[paid]]),
            day=np.concatenate([np.full(len(moved), self.scene.span.first_day), day[paid]]),
            credit=np.repeat([False, True], [len(moved), len(paid)]),
            delta_fen=np.concatenate([openings[moved], credited[paid]]),
        )

    def _credits(
        self, persons: Persons, person: NDArray[np.int64], day: NDArray[np.int64]
    ) -> FenArray:
        credited = np.zeros(len(person), dtype=np.int64)
        group = persons.group[person]
        for at in range(len(self.scene.takes.groups)):
            for number, compiled in enumerate(self.policies(at)):
                policy = compiled.policy
                start = day_number(policy.in_force_from)
                until = policy.in_force_until
                end = self.scene.span.last_day + 1 if until is None else day_number(until)
                own = np.flatnonzero((group == at) & (day >= start) & (day < end))
                if len(own):
                    credited[own] = self._settled(
                        compiled, (at, number), persons, (person[own], day[own])
                    )
        return credited

    def _settled(
        self,
        compiled: CompiledPolicy,
        name: tuple[int, int],
        persons: Persons,
        when: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> FenArray:
        """Return what a document credits to some persons on some days."""
        person, day = when
        age = age_years(persons.birth[person], day)
        bands = [
            band_of(dimension, age) for dimension in compiled.dimensions if dimension.kind == "age"
        ]
        bits = persons.entitled[person] @ (1 << np.arange(persons.entitled.shape[1]))
        epoch = compiled.epoch_of(day + _ORDINAL)
        facts = [epoch, bits, persons.wage_fen[person], *bands]
        _, example, place = np.unique(_joined(facts), return_index=True, return_inverse=True)
        with self._lock:
            keys = [(*name, *row) for row in np.stack(facts, axis=1)[example].tolist()]
            new = [at for at, key in enumerate(keys) if key not in self._known]
            most = limits.CLAIMS_PER_BATCH_MAX
            for start in range(0, len(new), most):
                part = new[start : start + most]
                claims = [
                    self._claim(compiled, persons, int(person[example[at]]), int(day[example[at]]))
                    for at in part
                ]
                told = zip(part, self._paid(claims), strict=True)
                self._known |= {keys[at]: fen for at, fen in told}
            fen = np.array([self._known[key] for key in keys], dtype=np.int64)
        return fen[place.reshape(-1)]

    def _claim(
        self, compiled: CompiledPolicy, persons: Persons, person: int, day: int
    ) -> dict[str, object]:
        group = self.scene.takes.groups[int(persons.group[person])]
        names = self.scene.takes.benefit_groups
        held = [name for name, own in zip(names, persons.entitled[person], strict=True) if own]
        row: dict[str, object] = {column.name: None for column in CLAIM}
        return row | {
            "institution": "CREDIT",
            "pooling_area": self.scene.area,
            "insurance_type": group.insurance_type,
            "visit_type": compiled.policy.visit_types[0],
            "person_type": group.person_type,
            "institution_level": self.scene.takes.level_codes[0],
            "birth_date": date_of(int(persons.birth[person])),
            "admission_date": date_of(day),
            "service_date": date_of(day),
            "benefit_groups": held,
            "account_used": False,
            "wage_base_fen": int(persons.wage_fen[person]),
            "lines": [],
        }

    def _paid(self, claims: list[dict[str, object]]) -> list[int]:
        """Return what each claim puts into its account; nothing where it is refused."""
        told = [row | {"request_id": f"C{at}", "person": f"C{at}"} for at, row in enumerate(claims)]
        batch = ClaimBatch.from_rows(told)
        sound = [at for at in range(len(told)) if at not in batch.rejections]
        results = self._settler.run(batch, sound, no_values, refuse_gaps=True)
        paid = []
        for at in range(len(told)):
            result = results.get(at)
            moved: Mapping[str, int] = {}
            if result is not None and not isinstance(result, Rejection):
                moved = {key.counter: delta for key, delta in result.moved}
            paid.append(moved.get(ACCOUNT, 0))
        return paid


def _joined(facts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return one number for each combination of facts, each of them numbered densely first."""
    joined = np.zeros(len(facts[0]), dtype=np.int64)
    for fact in facts:
        distinct, place = np.unique(fact, return_inverse=True)
        joined = joined * len(distinct) + place.reshape(-1)
    return joined


def _openings(scene: Scene, persons: Persons, random: np.random.Generator) -> FenArray:
    """Return what each account holds at first, int64 fen, rounded here; 0 where there is none."""
    held = [
        scene.marginals.number("account_opening", group.name) if group.account else 0
        for group in scene.takes.groups
    ]
    shape = scene.marginals.number("account_opening_shape")
    drawn = random.gamma(shape, 1 / shape, len(persons))
    fen = np.rint(drawn * np.array(held)[persons.group] * 100).astype(np.int64)
    return np.where(persons.account, fen, 0)
