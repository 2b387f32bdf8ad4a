"""Laws of routing over random routings, registrations and visits, beside a slow reader's answer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Registration
from medsettle.errors import NotConfirmed
from medsettle.policy.book import load_rule_book
from medsettle.policy.routing import (
    Confirmation,
    LineRule,
    Outside,
    Routing,
    RoutingVersion,
    SchemeRoute,
    Shared,
    SharedTo,
    Unconfirmed,
    Window,
)
from medsettle.settle.care_lines import loaded_care
from medsettle.settle.route import Routed, route_visit

from tests.engine.visits import AREA, LAST, line, visit_row
from tests.reference_routes import reference_routes

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_BOOK = load_rule_book(_SHAPES, only=[AREA])
_CATALOGUE = _BOOK.catalogues[AREA]
_ITEMS = _CATALOGUE.item_codes
_CHARGE_TYPES = sorted(set(_CATALOGUE.charge_types))
_CODES = ("S82", "S82.1", "S8", "E11", "E11.9", "O", "O82.0", "")
_KINDS = _BOOK.routings[AREA].kinds
_DAYS = [date(2024, 5, 1) + timedelta(days=count) for count in range(11)]

_codes = st.lists(st.sampled_from(_CODES[:-1]), max_size=2, unique=True).map(tuple)
_items = st.lists(st.sampled_from(_ITEMS), max_size=2).map(frozenset)
_charges = st.lists(st.sampled_from(_CHARGE_TYPES), max_size=2).map(frozenset)
_windows = st.one_of(
    st.none(), st.just(Window("event_date", "accepted_date", "late", "employer", "clause"))
)


@st.composite
def _schemes(draw: st.DrawFn, name: str) -> SchemeRoute:
    needs = draw(st.lists(st.sampled_from(sorted(_KINDS)), max_size=2, unique=True).map(tuple))
    registered = bool(needs) and draw(st.booleans())
    return SchemeRoute(
        name=name,
        title=name,
        insurance_type=draw(st.sampled_from(["410", "510", None])),
        visit_types={},
        needs=needs,
        lines=LineRule(
            () if registered else draw(_codes), registered, draw(_items), draw(_charges)
        ),
        outside=draw(st.sampled_from(Outside)),
        confirmations=draw(
            st.lists(
                st.builds(Confirmation, _charges, st.just("device"), st.sampled_from(Unconfirmed)),
                max_size=1,
            ).map(tuple)
        ),
        window=draw(_windows) if needs else None,
        clause="clause",
    )


@st.composite
def _routings(draw: st.DrawFn) -> Routing:
    names = ["first", "second", "third"][: draw(st.integers(0, 3))]
    rest = SchemeRoute(
        *("rest", "rest", None, {}, ()), LineRule(rest=True), Outside.STAYS, (), None, "clause"
    )
    schemes = (*(draw(_schemes(name)) for name in names), rest)
    goes_to = st.sampled_from([*SharedTo, *(scheme.name for scheme in schemes)])
    shared = draw(
        st.one_of(st.none(), st.builds(Shared, _charges, _items, goes_to, st.just("clause")))
    )
    return Routing(AREA, _KINDS, (RoutingVersion(date(2020, 1, 1), schemes, shared),), "0" * 12)


@st.composite
def _registrations(draw: st.DrawFn) -> list[Registration]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(sorted(_KINDS)))
        start = draw(st.sampled_from(_DAYS))
        ends = st.one_of(st.none(), st.sampled_from(_DAYS).map(lambda day: day + timedelta(3)))
        end = draw(ends)
        found.append(
            Registration(
                kind=kind,
                number=f"N{number}",
                valid_from=start - timedelta(days=draw(st.integers(0, 5))),
                valid_until=end,
                diagnoses=() if kind == "relapse" and draw(st.booleans()) else draw(_codes),
                items=tuple(sorted(draw(_items))),
                event_date=draw(st.sampled_from(_DAYS)),
                accepted_date=draw(st.one_of(st.none(), st.sampled_from(_DAYS))),
                timeliness=draw(st.sampled_from(["late", "timely"])),
                continues="N0" if kind == "relapse" else None,
            )
        )
    return found


@st.composite
def _visits(draw: st.DrawFn) -> Mapping[str, Any]:
    lines = [
        line(
            number,
            draw(st.sampled_from(_ITEMS)),
            draw(st.integers(1, 500)),
            draw(st.one_of(st.none(), st.sampled_from(_CODES[:-1]))),
            draw(st.sampled_from(_DAYS)),
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    for first in lines[: draw(st.integers(0, 2))]:
        back = line(len(lines), first["item_code"], 1, None, LAST, original_line=first["line_id"])
        back |= {"unit_price_e6": first["unit_price_e6"], "quantity_e4": -10_000}
        lines.append(back | {"amount_fen": -first["amount_fen"]})
    row = visit_row(*lines, diagnosis=draw(st.sampled_from(_CODES)) or None)
    batch = ClaimBatch.from_rows([row])
    assert not batch.rejections, batch.rejections
    return batch.rows[0]


def _route(visit: Mapping[str, Any], routing: Routing, held: list[Registration]) -> Routed | None:
    try:
        care = loaded_care(visit["lines"], _BOOK.areas[AREA], _CATALOGUE)
        return route_visit(dict(visit), routing, care, held)
    except NotConfirmed:
        return None


def _facts() -> dict[str, tuple[str, bool]]:
    outside = _CATALOGUE.pre_self_pay_ppm[:, 0] == 1_000_000
    return {
        code: (_CATALOGUE.charge_types[at], bool(outside[at]))
        for at, code in enumerate(_CATALOGUE.item_codes)
    }


@given(_visits(), _routings(), _registrations())
def test_lines_go_where_a_slow_reader_sends_them(
    visit: Mapping[str, Any], routing: Routing, held: list[Registration]
) -> None:
    """Scheme and mark of every line, and every refusal, are those of the reference."""
    expected = reference_routes(
        visit,
        routing.versions[0],
        {name: kind.continues for name, kind in _KINDS.items()},
        _facts(),
        [each.row() for each in held],
    )

    routed = _route(visit, routing, held)

    found = None
    if routed is not None:
        found = [(each.scheme, each.earmark) for each in routed.routes]
    assert expected == found


@given(_visits(), _routings(), _registrations())
def test_a_line_is_in_one_scheme(
    visit: Mapping[str, Any], routing: Routing, held: list[Registration]
) -> None:
    """The parts share out the lines, each in order, and their amounts add up to the visit's."""
    routed = _route(visit, routing, held)
    if routed is None:
        return
    parts = [[each["line_id"] for each in part["lines"]] for part in routed.parts]  # type: ignore[attr-defined]
    whole = [each["line_id"] for each in visit["lines"]]

    assert sorted(whole) == sorted(name for part in parts for name in part)
    assert all(part == [name for name in whole if name in part] for part in parts)
    assert all(
        [each.line_id for each in routed.routes if each.part == number] == part
        for number, part in enumerate(parts, 1)
    )
    assert all(part for part in parts)


@given(_visits(), _routings(), _registrations())
def test_the_order_of_registrations_is_nothing(
    visit: Mapping[str, Any], routing: Routing, held: list[Registration]
) -> None:
    """What is recorded first does not decide."""
    assert _route(visit, routing, held) == _route(visit, routing, held[::-1])


@pytest.mark.parametrize("goes_to", ["work_injury", "largest", "basic"])
def test_shared_lines_follow_the_document(goes_to: str) -> None:
    """Bed and nursing go to the scheme named where it has a line, or to the largest one."""
    routing = _BOOK.routings[AREA]
    (version,) = routing.versions
    assert version.shared is not None
    changed = replace(version, shared=replace(version.shared, goes_to=goes_to))
    row = visit_row(
        line(1, _ITEMS[2], 100, "S82.1"),
        line(2, _ITEMS[3], 900, "E11.9"),
        line(3, _ITEMS[0], 50),
    )
    held = [Registration("recognition", "R", date(2024, 1, 1), diagnoses=("S82",))]

    routed = _route(
        ClaimBatch.from_rows([row]).rows[0], replace(routing, versions=(changed,)), held
    )

    assert routed is not None
    expected = "work_injury" if goes_to == "work_injury" else "basic"
    assert ["work_injury", "basic", expected] == [each.scheme for each in routed.routes]
