"""What happened to persons between their claims: moves of counters, and settlements taken back."""

from dataclasses import dataclass

import numpy as np

from medsettle.core.relatives import LIMIT_PREFIX
from medsettle.replay.part_columns import Codes, Column, Columns, Persons


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Moves of m counters and cancels of k claims that a later claim of the person may meet.

    - `person`, `before`, `delta`, `period` (m,), `name`: whose counter moves by how much, and
      before which of the person's claims, counted from 0;
    - `cancelled`, `cancelled_before` (k,): rows of claims that are taken back, and before which
      claim of the person;
    - `aided` : persons with relatives' limits.
    """

    person: Column
    before: Column
    delta: Column
    period: Column
    name: Codes
    cancelled: Column
    cancelled_before: Column
    aided: Column


def events_of(persons: Persons, claims: Columns, moves: Columns) -> Events:
    """Return the events of the persons of a part; none after the last claim.

    Args:
        persons: Whose the claims are.
        claims: The claims.
        moves: The moves of counters.
    """
    who = persons.find(moves)
    names = moves.codes("counter")
    limited = np.array([text.startswith(LIMIT_PREFIX) for text in names.texts] + [False])
    aided = np.unique(who[limited[names.numbers] & (who >= 0)])
    known = np.flatnonzero(who >= 0)
    before = persons.events_before(who[known], moves.numbers("order")[known])
    claim_count = np.diff(persons.first)
    met = before < claim_count[who[known]]
    known, before = known[met], before[met]
    taken = np.flatnonzero(claims.known("taken_back"))
    whose = persons.of_claim[taken]
    taken_before = persons.events_before(whose, claims.numbers("taken_back")[taken])
    met = taken_before < claim_count[whose]
    return Events(
        person=who[known],
        before=before,
        delta=moves.numbers("delta")[known],
        period=moves.numbers("period")[known],
        name=Codes(names.known, names.numbers[known]),
        cancelled=taken[met],
        cancelled_before=taken_before[met],
        aided=aided,
    )
