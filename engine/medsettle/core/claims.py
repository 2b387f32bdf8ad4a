"""A batch of claims as columns, and the check of every bound with all faults at once.

Rows (from JSON or gRPC) and Arrow batches become the same `ClaimBatch`. A faulty claim does not
stop the others: its faults are kept under its row, with paths such as `lines[1].amount_fen`, and
its line columns hold harmless stand-ins that nobody reads.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import schema
from medsettle.core.claim_columns import ClaimColumns, found_sound, lines_of
from medsettle.core.columns import Column, Kind
from medsettle.core.credentials import check_credential, moment_of
from medsettle.core.dates import day_number
from medsettle.core.negative_lines import negative_line_faults, original_lines
from medsettle.core.outcome import Rejection, invalid
from medsettle.core.tables import ColumnRows
from medsettle.errors import BatchTooLarge, Fault, InvalidRequest

Row = Mapping[str, object]

_STAND_IN_DATE = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class ClaimBatch:
    """Claims in order. `rows[i]` is claim i as checked values; line columns are concatenated.

    `line_claim` holds the claim of each line and rises; amounts are int64 fen, quantities 1/10,000
    units, prices micro-yuan, days int64 days since 1970-01-01. A negative line has the position of
    the line that it takes back in `original`, all others -1. `rejections` maps the faulty rows to
    their faults; a faulty row has no lines here.
    """

    rows: tuple[dict[str, object], ...]
    rejections: dict[int, Rejection]
    line_claim: NDArray[np.int64]
    line_item: list[str]
    line_day: NDArray[np.int64]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: NDArray[np.int64]
    approval: NDArray[np.int8]
    original: NDArray[np.int64]
    earmark: list[str | None]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def from_rows(cls, rows: Sequence[Row]) -> "ClaimBatch":
        """Return the batch of claims given as rows keyed by the columns of `schema.CLAIM`.

        Dates are `datetime.date` or text like 2024-05-01; `lines` is a list or tuple of rows keyed
        by `schema.LINE`.

        Raises:
            BatchTooLarge: More claims than one call may carry.
        """
        _check_count(len(rows))
        checked: list[dict[str, object]] = []
        rejections: dict[int, Rejection] = {}
        for index, row in enumerate(rows):
            faults: list[Fault] = []
            checked.append(_checked_claim(row, faults))
            if faults:
                rejections[index] = invalid(_told(faults))
        return cls._from_checked(tuple(checked), rejections)

    @classmethod
    def from_columns(
        cls, columns: ClaimColumns, row_of: Callable[[int], Row]
    ) -> "ClaimBatch":
        """Return the batch of claims given as columns.

        Args:
            columns: The claims as they came.
            row_of: Returns a claim as a row, as `from_rows` takes it; asked for those alone in
                which a fault is suspected.

        Raises:
            BatchTooLarge: More claims than one call may carry.
        """
        _check_count(len(columns.heads))
        found = found_sound(columns)
        rows = columns.heads
        rejections: dict[int, Rejection] = {}
        for index, sound in enumerate(found.sound.tolist()):
            if sound:
                rows[index]["lines"] = lines_of(columns, found, index)
                continue
            faults: list[Fault] = []
            rows[index] = _checked_claim(row_of(index), faults)
            if faults:
                rejections[index] = invalid(_told(faults))
        if not found.sound.all():
            return cls._from_checked(tuple(rows), rejections)
        return cls(
            rows=tuple(rows),
            rejections={},
            line_claim=np.repeat(np.arange(len(rows)), columns.line_counts),
            line_item=columns.item_code,
            line_day=found.days,
            quantity_e4=found.quantity_e4,
            unit_price_e6=found.unit_price_e6,
            amount_fen=found.amount_fen,
            approval=np.array([int(code or 0) for code in columns.approval], dtype=np.int8),
            original=np.full(len(found.days), -1, dtype=np.int64),
            earmark=[mark or None for mark in columns.earmark],
        )

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> "ClaimBatch":
        """Return the batch of claims given as an Arrow table with `schema.claim_schema()`.

        A column that is missing, unknown or of another type is a fault of every row.

        Raises:
            BatchTooLarge: More claims than one call may carry.
            InvalidRequest: A date or a moment is one that no calendar has.
        """
        # Rows take a hundred times the memory of columns, so a table too large never becomes rows.
        _check_count(table.num_rows)
        try:
            rows = table.to_pylist()
        except (pa.ArrowException, OverflowError, ValueError) as error:
            found = f"a date or a moment is none of any calendar: {error}"
            raise InvalidRequest([Fault("claims", found[: limits.MESSAGE_CHARS_MAX])]) from error
        return cls.from_rows(rows)

    @classmethod
    def _from_checked(
        cls, rows: tuple[dict[str, object], ...], rejections: dict[int, Rejection]
    ) -> "ClaimBatch":
        lines: list[dict[str, object]] = []
        owners: list[int] = []
        for index, row in enumerate(rows):
            if index not in rejections:
                own: Sequence[dict[str, object]] = row["lines"]  # type: ignore[assignment]
                lines += own
                owners += [index] * len(own)
        days = [day_number(line["fee_date"]) for line in lines]  # type: ignore[arg-type]
        return cls(
            rows=rows,
            rejections=rejections,
            line_claim=np.array(owners, dtype=np.int64),
            line_item=[str(line["item_code"]) for line in lines],
            line_day=np.array(days, dtype=np.int64),
            quantity_e4=np.array([line["quantity_e4"] for line in lines], dtype=np.int64),
            unit_price_e6=np.array([line["unit_price_e6"] for line in lines], dtype=np.int64),
            amount_fen=np.array([line["amount_fen"] for line in lines], dtype=np.int64),
            approval=np.array([int(str(line["approval"] or "0")) for line in lines], dtype=np.int8),
            original=original_lines(lines, owners),
            earmark=[line["earmark"] for line in lines],  # type: ignore[misc]
        )


def _check_count(claims: int) -> None:
    most = limits.CLAIMS_PER_BATCH_MAX
    if claims > most:
        message = f"{claims} claims, more than {most}; send them in several calls"
        raise BatchTooLarge([Fault("claims", message)])


def _told(faults: list[Fault]) -> tuple[Fault, ...]:
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


def _checked_claim(row: Row, faults: list[Fault]) -> dict[str, object]:
    """Return the values of a claim by column name, adding to `faults` whatever is wrong."""
    if not isinstance(row, Mapping):
        faults.append(Fault("claim", f"expected a claim, found {type(row).__name__}"))
        # What is missing in something that is no claim need not be told.
        return _checked_claim({}, [])
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
    """Check that the stated amount is price times quantity, as exactly as prices are sent."""
    price, quantity = int(str(line["unit_price_e6"])), abs(int(str(line["quantity_e4"])))
    amount = abs(int(str(line["amount_fen"])))
    unit = limits.PRICE_QUANTITY_PER_FEN
    tolerance = limits.LINE_AMOUNT_TOLERANCE_FEN + limits.PRICE_UNCERTAINTY_E6 * quantity // unit
    stated = price * quantity // unit
    if abs(stated - amount) > tolerance:
        faults.append(
            Fault(
                f"{path}.amount_fen",
                f"{amount} fen, but price times quantity is {stated} fen; correct one of them",
            )
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
        faults.append(Fault("lines", f"{total} fen in all, more than {most}; check the amounts"))


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
    if wrong := _code_fault(value, column.least, column.most):
        faults.append(Fault(where, wrong))
    elif column.values and value not in column.values:
        known = ", ".join(column.values)
        faults.append(Fault(where, f"unknown code {value!r}; known are {known}"))
    return value


def _code_fault(value: str, least: int, most: int) -> str:
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
        if wrong := _code_fault(item, 1, limits.CODE_CHARS_MAX):
            faults.append(Fault(f"{where}[{index}]", wrong))
    return list(value)


def _checked_date(_: Column, value: object, where: str, faults: list[Fault]) -> date:
    parsed = _date_of(value)
    if parsed is None:
        found = _shown(value)
        faults.append(Fault(where, f"expected a date like 2024-05-01, found {found}"))
        return _STAND_IN_DATE
    past = where in {"birth_date", "retirement_date"}
    first = limits.SERVICE_YEAR_MIN - limits.AGE_YEARS_MAX if past else limits.SERVICE_YEAR_MIN
    if not first <= parsed.year <= limits.SERVICE_YEAR_MAX:
        span = f"{first} to {limits.SERVICE_YEAR_MAX}"
        faults.append(Fault(where, f"{parsed} lies outside the years {span}"))
        return _STAND_IN_DATE
    return parsed


def _date_of(value: object) -> date | None:
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
