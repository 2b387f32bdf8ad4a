"""The facts of a part's visits as columns of a history."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.core.arrow_texts import Chars, digits, letters, picked, texts
from medsettle.core.columns import Kind
from medsettle.core.schema import CLAIM
from medsettle.replay.population.marginal_keys import KINDS
from medsettle.replay.population.persons import Persons
from medsettle.replay.population.scene import INPATIENT, SPECIAL, Scene, offer_of
from medsettle.replay.population.visits import Visits

# Common diagnoses of visits that are for no chronic disease, as ICD-10 has them.
_USUAL_DIAGNOSES: Final = ("J06.900", "J20.900", "K08.800", "M54.500", "L30.900", "R51.x00")
_INSTITUTION_FACT: Final = "institution_kind"
PERSON_DIGITS: Final = 9
_ORDER_DIGITS: Final = 6


def claim_columns(
    scene: Scene, persons: Persons, visits: Visits, order: NDArray[np.int64]
) -> dict[str, pa.Array]:
    """Return the columns of claims by name, each of the length of `visits`; the rest is unknown.

    Args:
        scene: What all parts share.
        persons: The persons of the part.
        visits: Their visits.
        order: Shape (n,), the place of each among all that happened to its person.
    """
    group = visits.group
    groups = scene.takes.groups
    number = _numbers(persons.first + visits.person, order)
    stay = visits.kind == INPATIENT
    special = visits.kind == SPECIAL
    diseases = [each.disease for each in scene.takes.diseases]
    approval = persons.approval[visits.person].astype(np.int32)
    return {
        "request_id": texts(np.hstack([letters("R", len(visits)), number])),
        "encounter": texts(np.hstack([letters("E", len(visits)), number]), stay),
        "institution": picked(visits.institution, scene.institutions.codes),
        "pooling_area": picked(np.zeros(len(visits), dtype=np.int64), (scene.area,)),
        "insurance_type": _merged(group, [each.insurance_type for each in groups]),
        "person_type": _merged(group, [each.person_type for each in groups]),
        "visit_type": _visit_types(scene, group, visits),
        "institution_level": picked(
            scene.institutions.level[visits.institution], scene.takes.level_codes
        ),
        "birth_date": _dates(persons.birth[visits.person]),
        "admission_date": _dates(visits.admission),
        "service_date": _dates(visits.day),
        "benefit_groups": _benefit_groups(scene, persons, visits),
        "account_used": pa.array(persons.account_used[visits.person]),
        "diagnosis": _diagnoses(scene, visits),
        "disease": _merged(np.where(special, visits.disease, len(diseases)), [*diseases, None]),
        "approved_diseases": _approved(scene, persons, visits),
        "approval_date": pa.array(approval, pa.date32(), mask=~special),
        "stay_days": pa.array(np.maximum(visits.day - visits.admission, 1), mask=~stay),
        **_facts(scene, group, visits),
    }


def _numbers(person: NDArray[np.int64], order: NDArray[np.int64]) -> Chars:
    return np.hstack([digits(person, PERSON_DIGITS), digits(order, _ORDER_DIGITS)])


def _dates(days: NDArray[np.int64]) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.date32())


def _visit_types(scene: Scene, group: NDArray[np.int64], visits: Visits) -> pa.Array:
    """Return the visit type of each; those of every group and kind lie one after another."""
    names: list[str] = []
    first = np.zeros((len(scene.takes.groups), len(KINDS)), dtype=np.int64)
    for at in range(len(scene.takes.groups)):
        for kind in range(len(KINDS)):
            first[at, kind] = len(names)
            offer = offer_of(scene, at, kind)
            names += offer.visit_types if offer is not None else ()
    return _merged(first[group, visits.kind] + visits.visit_type, names)


def _merged(places: NDArray[np.int64], names: list[str] | list[str | None]) -> pa.Array:
    """Return names by their places in a list that may have one of them several times, or None.

    A dictionary has each once: of one that has not, Parquet's writer makes other bytes each time.
    """
    values = [name for name in dict.fromkeys(names) if name is not None]
    at = np.array(
        [values.index(name) if name is not None else -1 for name in names], dtype=np.int64
    )
    return picked(at[places] if len(at) else places, values)


def _benefit_groups(scene: Scene, persons: Persons, visits: Visits) -> pa.Array:
    """Return the entitlements of each person as lists."""
    names = scene.takes.benefit_groups
    bits = persons.entitled @ (1 << np.arange(len(names)))
    distinct, place = np.unique(bits, return_inverse=True)
    held = [
        [name for at, name in enumerate(names) if number >> at & 1] for number in distinct.tolist()
    ]
    lists = pa.array(held, pa.list_(pa.string()))
    return lists.take(pa.array(place.reshape(-1)[visits.person]))


def _approved(scene: Scene, persons: Persons, visits: Visits) -> pa.Array:
    """Return the approved diseases of each person as lists."""
    codes = [each.disease for each in scene.takes.diseases]
    pair = persons.diseases[visits.person] + 1
    distinct, place = np.unique(pair[:, 0] * (len(codes) + 1) + pair[:, 1], return_inverse=True)
    held = [
        [codes[each - 1] for each in divmod(number, len(codes) + 1) if each]
        for number in distinct.tolist()
    ]
    # Two diseases may have one code where the area tells fewer apart.
    held = [[*dict.fromkeys(each)] for each in held]
    return pa.array(held, pa.list_(pa.string())).take(pa.array(place.reshape(-1)))


def _diagnoses(scene: Scene, visits: Visits) -> pa.Array:
    """Return the diagnosis of each visit: the disease it is for, or a usual one."""
    diseases = [each.diagnosis for each in scene.takes.diseases]
    usual = (visits.which * len(_USUAL_DIAGNOSES)).astype(np.int64)
    place = np.where(visits.disease >= 0, visits.disease, len(diseases) + usual)
    return _merged(place, [*diseases, *_USUAL_DIAGNOSES])


def _facts(scene: Scene, group: NDArray[np.int64], visits: Visits) -> dict[str, pa.Array]:
    """Return the columns beside those above that the area's rules look at.

    A class that is not the usual one is drawn for a visit; which kind an institution is, for the
    institution.
    """
    found: dict[str, pa.Array] = {}
    names = {
        name for own in scene.takes.offers for offer in filter(None, own) for name in offer.facts
    }
    share = scene.marginals.number("other_class_share")
    drawn = scene.institutions.kind[visits.institution]
    for name in sorted(names):
        other, which = visits.other, visits.which
        if name == _INSTITUTION_FACT:
            other, which = drawn < share, drawn / share
        codes: list[str | None] = [None]
        place = np.zeros(len(visits), dtype=np.int64)
        for at in range(len(scene.takes.groups)):
            for kind in range(len(KINDS)):
                offer = offer_of(scene, at, kind)
                options = offer.facts.get(name, ()) if offer is not None else ()
                own = np.flatnonzero((group == at) & (visits.kind == kind))
                if not options or not len(own):
                    continue
                rest = np.minimum(
                    1 + (which[own] * (len(options) - 1)).astype(np.int64), len(options) - 1
                )
                place[own] = len(codes) + np.where(other[own], rest, 0)
                codes += options
        found[name] = _merged(place, codes)
    return found


assert {_INSTITUTION_FACT} <= {column.name for column in CLAIM if column.kind is Kind.CODE}
