"""The faults of one claim, all at once, each with its path such as `lines[1].amount_fen`.

Whether a batch has any is found out by its columns (`medsettle.core.quick_checks`,
`medsettle.core.claim_table`); only a claim in doubt is gone through here, value by value.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Final

from medsettle import limits
from medsettle.core import schema
from medsettle.core.columns import Column, Kind
from medsettle.core.credentials import check_credential, moment_of
from medsettle.core.money import decimal, plain_yuan
from medsettle.core.negative_lines import negative_line_faults
from medsettle.core.tables import ColumnRows
from medsettle.errors import Fault

Row = Mapping[str, object]

_STAND_IN_DATE = date(2000, 1, 1)


def told(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return the faults of a claim, or the first ones and how many more there are."""
    most = limits.FAULTS_PER_CLAIM_MAX
    if len(faults) <= most:
        return tuple(faults)
    more = Fault("claim", f"{len(faults) - most + 1} more faults; mend these first")
    return (*faults[: most - 1], more)


def lines_faults(count: int) -> list[Fault]:
    """Return the fault of a claim with more lines than a claim may have, if it has."""
    most = limits.LINES_PER_CLAIM_MAX
    if count <= most:
        return []
    return [Fault("lines", f"{count} lines, more than {most}; split the claim")]


def checked_claim(row: Row, faults: list[Fault]) -> dict[str, object]:
    """Return the values of a claim by column name, adding to `faults` whatever is wrong."""
    if not isinstance(row, Mapping):
        faults.append(Fault("claim", f"expected a claim, found {type(row).__name__}"))
        # What is missing in something that is no claim need not be told.
        return checked_claim({}, [])
    claim = checked_row(row, schema.CLAIM, {"lines"}, "", faults)
    lines = row.get("lines")
    if not isinstance(lines, list | tuple | ColumnRows):
        faults.append(Fault("lines", "expected a list of charge lines"))
        lines = []
    if too_many := lines_faults(len(lines)):
        faults += too_many
        lines = []
    claim["lines"] = [_checked_line(line, index, faults) for index, line in enumerate(lines)]
    _check_dates(claim, faults)
    check_credential(claim, faults)
    _check_line_ids(claim["lines"], faults)
    if not any(fault.path.startswith("lines") for fault in faults):
        faults += negative_line_faults(claim["lines"])  # type: ignore[arg-type]
    _check_total(claim["lines"], faults)
    return claim


def _checked_line(line: object, index: int, faults: list[Fault]) -> dict[str, object]:
    path = f"lines[{index}]"
    if not isinstance(line, Mapping):
        faults.append(Fault(path, f"expected a line, found {type(line).__name__}"))
        return {}
    found = len(faults)
    checked = checked_row(line, schema.LINE, set(), f"{path}.", faults)
    if len(faults) == found:
        _check_price(checked, path, faults)
    return checked


def _check_price(line: Mapping[str, object], path: str, faults: list[Fault]) -> None:
    """Check that the stated amount is price times quantity, as exactly as prices are sent.

    A price of two decimals may be half a fen off for each unit: 30 tablets for 500.00 are sent as
    16.67 each. A price of more is taken to be exact to its last decimal that is not zero, as far
    as the fourth.
    """
    price, quantity = int(str(line["unit_price_e6"])), int(str(line["quantity_e4"]))
    amount, count = int(str(line["amount_fen"])), abs(quantity)
    unit = limits.PRICE_QUANTITY_PER_FEN
    tolerance = limits.LINE_AMOUNT_TOLERANCE_FEN + price_uncertainty_e6(price) * count // unit
    size = price * count // unit
    if abs(size - abs(amount)) > tolerance:
        stated = size if quantity > 0 else -size
        faults.append(
            Fault(
                f"{path}.amount_fen",
                f"{plain_yuan(amount)} yuan, but price times quantity, "
                f"{decimal(price, 6)} x {decimal(quantity, 4)}, is {plain_yuan(stated)} yuan, "
                f"and {plain_yuan(tolerance)} more or less is taken; correct one of them",
            )
        )


def price_uncertainty_e6(price_e6: int) -> int:
    """Return by how much a unit price may be off, by the decimals that it was sent with.

    >>> price_uncertainty_e6(16_670_000), price_uncertainty_e6(41_700), price_uncertainty_e6(1)
    (5000, 50, 50)
    """
    return next(
        (half for step, half in limits.PRICE_UNCERTAINTIES_E6 if price_e6 % step == 0),
        limits.PRICE_UNCERTAINTY_E6,
    )


def _check_dates(claim: Mapping[str, object], faults: list[Fault]) -> None:
    """Check the order of birth, admission, fees and service, among the dates that are dates."""
    wrong = {fault.path for fault in faults}

    def known(row: Mapping[str, object], name: str, path: str = "") -> date | None:
        value = row.get(name)
        return value if isinstance(value, date) and f"{path}{name}" not in wrong else None

    birth, admission = known(claim, "birth_date"), known(claim, "admission_date")
    service = known(claim, "service_date")
    if birth and admission and birth > admission:
        faults.append(Fault("birth_date", f"{birth} lies after the admission on {admission}"))
    if birth and service and service.year - birth.year > limits.AGE_YEARS_MAX:
        faults.append(
            Fault("birth_date", f"{birth} makes an age above {limits.AGE_YEARS_MAX} years")
        )
    if admission and service and admission > service:
        faults.append(Fault("admission_date", f"{admission} lies after the service date {service}"))
    lines: list[dict[str, object]] = claim["lines"]  # type: ignore[assignment]
    for index, line in enumerate(lines):
        day = known(line, "fee_date", f"lines[{index}].")
        if day and ((admission and day < admission) or (service and day > service)):
            span = f"{admission or '?'} to {service or '?'}"
            faults.append(
                Fault(f"lines[{index}].fee_date", f"{day} lies outside the visit from {span}")
            )


def _check_total(lines: object, faults: list[Fault]) -> None:
    assert isinstance(lines, list)
    amounts = [amount for line in lines if isinstance(amount := line.get("amount_fen"), int)]
    total = sum(amount for amount in amounts if amount > 0)
    if total > limits.CLAIM_TOTAL_FEN_MAX:
        most = limits.CLAIM_TOTAL_FEN_MAX
        total_yuan, most_yuan = plain_yuan(total), plain_yuan(most)
        text = f"{total_yuan} yuan in all, more than {most_yuan}; check the amounts"
        faults.append(Fault("lines", text))


def _check_line_ids(lines: object, faults: list[Fault]) -> None:
    seen: dict[str, int] = {}
    assert isinstance(lines, list)
    for index, line in enumerate(lines):
        line_id = line.get("line_id")
        if line_id and line_id in seen:
            faults.append(
                Fault(f"lines[{index}].line_id", f"{line_id!r} is also lines[{seen[line_id]}]")
            )
        elif line_id:
            seen[line_id] = index


def checked_row(
    row: Row, columns: Iterable[Column], others: set[str], path: str, faults: list[Fault]
) -> dict[str, object]:
    """Return the values of a row by column name, adding to `faults` whatever is wrong.

    Args:
        row: Values by name, as they came.
        columns: The columns that the row may have.
        others: Names that stand in the row and are checked elsewhere.
        path: What the paths of faults begin with.
        faults: Takes the faults, with paths such as `lines[1].amount_fen`.
    """
    checked: dict[str, object] = {}
    known = set(others)
    for column in columns:
        known.add(column.name)
        checked[column.name] = _checked_value(column, row.get(column.name), path, faults)
    unknown = (name for name in row if name not in known)
    faults.extend(Fault(f"{path}{name}", "unknown field; remove it") for name in unknown)
    return checked


def _checked_value(column: Column, value: object, path: str, faults: list[Fault]) -> object:
    """Return a value of the column's kind, or a stand-in after adding a fault."""
    where = f"{path}{column.name}"
    if value is None or (value == "" and column.kind is Kind.CODE):
        if column.required:
            faults.append(Fault(where, "missing; it is required"))
        return [] if column.kind is Kind.CODES else None
    return _CHECKS[column.kind](column, value, where, faults)


def _shown(value: object) -> str:
    """Return a value as a fault shows it: short, whatever was sent."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python writes out neither an integer of more than 4,300 digits nor a thousand levels.
        return f"a huge {type(value).__name__}"
    most = limits.VALUE_CHARS_SHOWN_MAX
    return text if len(text) <= most else f"{text[:most]} …"


def _checked_boolean(_: Column, value: object, where: str, faults: list[Fault]) -> bool:
    if not isinstance(value, bool):
        faults.append(Fault(where, f"expected true or false, found {_shown(value)}"))
    return bool(value)


def _checked_number(column: Column, value: object, where: str, faults: list[Fault]) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        faults.append(Fault(where, f"expected a whole number, found {_shown(value)}"))
        return 0
    if not column.least <= value <= column.most:
        span = f"{column.least} to {column.most}"
        found = _shown(value)
        faults.append(Fault(where, f"{found} lies outside {span}; check the unit in the name"))
        return 0
    return value


def _checked_code(column: Column, value: object, where: str, faults: list[Fault]) -> str:
    if not isinstance(value, str):
        faults.append(Fault(where, f"expected a text, found {type(value).__name__}"))
        return ""
    if wrong := code_fault(value, column.least, column.most):
        faults.append(Fault(where, wrong))
    elif column.values and value not in column.values:
        known = ", ".join(column.values)
        faults.append(Fault(where, f"unknown code {value!r}; known are {known}"))
    return value


def code_fault(value: str, least: int, most: int) -> str:
    """Return what is wrong with the form of a code; nothing where it is well formed."""
    if not least <= len(value) <= most:
        return f"{len(value)} characters; expected {least} to {most}"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "expected printable ASCII characters without spaces"
    return ""


def _checked_codes(column: Column, value: object, where: str, faults: list[Fault]) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        faults.append(Fault(where, "expected a list of codes"))
        return []
    if len(value) > column.most:
        faults.append(Fault(where, f"{len(value)} codes, more than {column.most}"))
    for index, item in enumerate(value):
        if wrong := code_fault(item, 1, limits.CODE_CHARS_MAX):
            faults.append(Fault(f"{where}[{index}]", wrong))
    return list(value)


def _checked_date(column: Column, value: object, where: str, faults: list[Fault]) -> date:
    parsed = read_date(value)
    if parsed is None:
        found = _shown(value)
        faults.append(Fault(where, f"expected a date like 2024-05-01, found {found}"))
        return _STAND_IN_DATE
    first = first_year(column.name)
    if not first <= parsed.year <= limits.SERVICE_YEAR_MAX:
        span = f"{first} to {limits.SERVICE_YEAR_MAX}"
        faults.append(Fault(where, f"{parsed} lies outside the years {span}"))
        return _STAND_IN_DATE
    return parsed


def first_year(name: str) -> int:
    """Return the earliest year that a date of a claim or line may lie in."""
    past = name in {"birth_date", "retirement_date"}
    return limits.SERVICE_YEAR_MIN - limits.AGE_YEARS_MAX if past else limits.SERVICE_YEAR_MIN


def read_date(value: object) -> date | None:
    """Return the date a value is, or None; a moment is no date until somebody says where."""
    if isinstance(value, str):
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            return None
        # Week dates and dates without hyphens are read as well, and nobody expects that.
        return parsed if parsed.isoformat() == value else None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _checked_moment(_: Column, value: object, where: str, faults: list[Fault]) -> datetime | None:
    """Return a moment in UTC, so that the same moment is always the same content."""
    moment = moment_of(value)
    if moment is None:
        example = "2024-05-01T09:30:00+08:00"
        faults.append(
            Fault(where, f"expected a moment with its zone like {example}, found {_shown(value)}")
        )
    return moment


_CHECKS: Final[dict[Kind, Callable[[Column, object, str, list[Fault]], object]]] = {
    Kind.CODE: _checked_code,
    Kind.CODES: _checked_codes,
    Kind.DATE: _checked_date,
    Kind.BOOLEAN: _checked_boolean,
    Kind.FEN: _checked_number,
    Kind.INTEGER: _checked_number,
    Kind.TIMESTAMP: _checked_moment,
}
