"""Where a slow reader of a routing would send the lines of a visit: plain loops, line by line.

Written from the words of the document and of `domain/clearing.md` §4.3, and sharing no code with
`medsettle.settle.route`. A routing is what the reader of documents returns; catalogue and
registrations are plain dictionaries.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

Registered = Sequence[Mapping[str, Any]]


def reference_routes(
    claim: Mapping[str, Any],
    version: Any,  # noqa: ANN401 - a version of a routing as read
    continues: Mapping[str, str | None],
    catalogue: Mapping[str, tuple[str, bool]],
    registered: Registered,
) -> list[tuple[str, str]] | None:
    """Return (scheme, mark) for each line, or None where a line is refused for want of a device.

    Args:
        claim: The claim as a row.
        version: The routing in force.
        continues: The kind that each kind of registration goes on from.
        catalogue: Charge type of each item, and whether basic insurance leaves it to the person.
        registered: The person's registrations as rows.
    """
    answers: dict[str, tuple[str, str]] = {}
    grounds: dict[str, Mapping[str, Any] | None] = {}
    waiting: list[Mapping[str, Any]] = []
    for line in claim["lines"]:
        if line.get("original_line") is not None:
            continue
        charge_type, _ = catalogue[line["item_code"]]
        if line.get("diagnosis") is None and version.shared is not None:
            named = line["item_code"] in version.shared.items
            if named or charge_type in version.shared.charge_types:
                waiting.append(line)
                continue
        diagnosis = line.get("diagnosis") or claim.get("diagnosis") or ""
        found = _scheme(line, diagnosis, True, version, continues, catalogue, registered)
        if found is None:
            return None
        answers[line["line_id"]], grounds[line["line_id"]] = found
    context = (version, continues, catalogue, registered)
    _share(claim, waiting, answers, grounds, context)
    for line in claim["lines"]:
        if line.get("original_line") is not None:
            answers[line["line_id"]] = answers[line["original_line"]]
    return [answers[line["line_id"]] for line in claim["lines"]]


def _share(
    claim: Mapping[str, Any],
    waiting: Sequence[Mapping[str, Any]],
    answers: dict[str, tuple[str, str]],
    grounds: Mapping[str, Mapping[str, Any] | None],
    context: Any,  # noqa: ANN401 - what `_scheme` takes
) -> None:
    """Add the answers for the shared lines."""
    version = context[0]
    sums: dict[str, int] = {}
    for line in claim["lines"]:
        if line["line_id"] in answers:
            name = answers[line["line_id"]][0]
            sums[name] = sums.get(name, 0) + line["amount_fen"]
    for line in waiting:
        goes_to = version.shared.goes_to
        if goes_to == "main_diagnosis":
            main = claim.get("diagnosis") or ""
            found = _scheme(line, main, False, *context)
            assert found is not None
            answers[line["line_id"]] = found[0]
            continue
        name = version.schemes[-1].name
        if goes_to == "largest":
            most = None
            for scheme in version.schemes:
                if scheme.name in sums and (most is None or sums[scheme.name] > most):
                    most, name = sums[scheme.name], scheme.name
        elif goes_to in sums:
            name = goes_to
        first = [each for each in grounds if answers[each][0] == name]
        ground = grounds[first[0]] if first else None
        (window,) = [each.window for each in version.schemes if each.name == name]
        answers[line["line_id"]] = (name, _mark(window, ground, line["fee_date"]))


def _scheme(
    line: Mapping[str, Any],
    diagnosis: str,
    own_ground: bool,
    version: Any,  # noqa: ANN401
    continues: Mapping[str, str | None],
    catalogue: Mapping[str, tuple[str, bool]],
    registered: Registered,
) -> tuple[tuple[str, str], Mapping[str, Any] | None] | None:
    """Return scheme, mark and ground of a line; of a shared one only the diagnosis counts."""
    item, day = line["item_code"], line["fee_date"]
    charge_type, is_outside = catalogue[item]
    for scheme in version.schemes:
        rule = scheme.lines
        if rule.rest:
            return (scheme.name, ""), None
        by_item = own_ground and (item in rule.items or charge_type in rule.charge_types)
        by_code = any(diagnosis.startswith(each) for each in rule.diagnoses)
        holding = None
        for kind in scheme.needs:
            for each in sorted(registered, key=lambda row: row["number"]):
                if holding is not None or each["kind"] != kind or not _holds(each, day):
                    continue
                codes = _codes(each, continues, registered)
                fits = any(diagnosis.startswith(code) for code in codes) and diagnosis != ""
                if by_item or not rule.registered or fits:
                    holding = each
        takes = by_item or (by_code and diagnosis != "") or (rule.registered and diagnosis != "")
        if not takes or (scheme.needs and holding is None):
            continue
        if scheme.outside.value == "next_scheme" and is_outside:
            continue
        lacking = [
            rule
            for rule in scheme.confirmations
            if own_ground
            and charge_type in rule.charge_types
            and not any(
                each["kind"] == rule.kind and _holds(each, day) and item in each["items"]
                for each in registered
            )
        ]
        if lacking:
            if lacking[0].otherwise.value == "refused":
                return None
            continue
        return (scheme.name, _mark(scheme.window, holding, day)), holding
    raise AssertionError("no scheme takes the rest")


def _mark(window: Any, holding: Mapping[str, Any] | None, day: date) -> str:  # noqa: ANN401
    if window is None or holding is None or holding["timeliness"] != window.timeliness:
        return ""
    start, end = holding[window.start], holding[window.end]
    inside = start is not None and start <= day and (end is None or day < end)
    return window.earmark if inside else ""


def _holds(registration: Mapping[str, Any], day: date) -> bool:
    until = registration["valid_until"]
    return registration["valid_from"] <= day and (until is None or day < until)


def _codes(
    registration: Mapping[str, Any], continues: Mapping[str, str | None], registered: Registered
) -> Sequence[str]:
    if registration["diagnoses"]:
        return list(registration["diagnoses"])
    for each in registered:
        before = continues[registration["kind"]]
        if each["kind"] == before and each["number"] == registration["continues"]:
            return list(each["diagnoses"])
    return []
