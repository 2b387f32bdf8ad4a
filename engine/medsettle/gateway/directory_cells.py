"""The files of a directory: their columns, by national names, and what a cell of each may hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from medsettle import limits
from medsettle.core import codes
from medsettle.core.columns import Kind
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.money import fen_from_yuan
from medsettle.gateway import directory
from medsettle.gateway.filing import APPLICATIONS, CHOICE, DISEASE, REFERRAL

_CODE: Final = r"[!-~]"
_AREA: Final = r"[0-9]{6}"
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT: Final = _DATE + r" [0-9]{2}:[0-9]{2}:[0-9]{2}"
_PAST: Final = limits.SERVICE_YEAR_MIN - limits.AGE_YEARS_MAX
_YUAN: Final = r"[0-9]{1,9}(?:\.[0-9]{1,2})?"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one column of a file.

    `pattern` is a regular expression of both Python and RE2 for the whole cell; `expected` says the
    same in words. A `private` cell is never quoted. A date lies in no year before `first_year`.
    """

    name: str
    field: str
    pattern: str
    expected: str
    required: bool = True
    private: bool = False
    kind: Kind = Kind.CODE
    first_year: int = _PAST

    def value(self, text: str) -> object:
        """Return what a checked cell holds; None where it is blank."""
        return _READERS[self.kind](text) if text else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA_STANDARD_TIME)


_READERS: Final[dict[Kind, Callable[[str], object]]] = {
    Kind.CODE: str,
    Kind.DATE: date.fromisoformat,
    Kind.TIMESTAMP: _moment,
    Kind.FEN: fen_from_yuan,
    Kind.INTEGER: int,
}


def _code(
    name: str, field: str, most: int = limits.CODE_CHARS_MAX, *, required: bool = True
) -> Cell:
    expected = f"1 to {most} printable ASCII characters without spaces"
    return Cell(name, field, f"{_CODE}{{1,{most}}}", expected, required)


def _text(name: str, field: str, *, required: bool = True, private: bool = False) -> Cell:
    most = limits.DIRECTORY_TEXT_CHARS_MAX
    inner, end = r"[^\x00-\x1f\x7f]", r"[^\x00-\x1f\x7f\s]"
    pattern = f"{end}(?:{inner}{{0,{most - 2}}}{end})?"
    expected = f"1 to {most} characters, no blank at an end"
    return Cell(name, field, pattern, expected, required, private)


def _one_of(name: str, field: str, values: Iterable[str], *, required: bool = True) -> Cell:
    known = [*values]
    return Cell(name, field, "|".join(known), f"one of {', '.join(known)}", required)


def _day(name: str, field: str, *, required: bool = True) -> Cell:
    return Cell(name, field, _DATE, "a date like 2024-05-01", required, kind=Kind.DATE)


def _recent(name: str, field: str, *, required: bool = True) -> Cell:
    """Return the cell of a date that a claim states, and that lies in no earlier year there."""
    first = limits.SERVICE_YEAR_MIN
    expected = f"a date like 2024-05-01, from {first} on"
    return Cell(name, field, _DATE, expected, required, kind=Kind.DATE, first_year=first)


def _years(name: str) -> Cell:
    most = limits.ENROLMENT_YEARS_MAX
    expected = f"a whole number from 0 to {most}"
    return Cell(name, name, "[0-9]{1,2}|100", expected, required=False, kind=Kind.INTEGER)


assert limits.ENROLMENT_YEARS_MAX == 100, "the pattern of years says so"

_PERSON: Final = _code("psn_no", "person", limits.NATIONAL_NUMBER_CHARS_MAX)
_INSURANCE: Final = _one_of("insutype", "insurance_type", codes.INSURANCE_TYPES)

INSTITUTIONS: Final = (
    _code("fixmedins_code", "institution", limits.NATIONAL_NUMBER_CHARS_MAX),
    _text("fixmedins_name", "name"),
    _one_of("fixmedins_type", "type", (directory.HOSPITAL, directory.PHARMACY)),
    Cell("admdvs", "area", _AREA, "an area of six digits"),
    _code("hosp_lv", "level"),
    _code("institution_kind", "kind", required=False),
    _code("uscc", "credit_code", required=False),
)
PERSONS: Final = (
    _PERSON,
    _code("psn_cert_type", "certificate_type"),
    Cell(
        "certno",
        "certificate",
        rf"[!-`{{-~]{{1,{limits.CODE_CHARS_MAX}}}",
        f"1 to {limits.CODE_CHARS_MAX} printable ASCII characters, letters as capitals",
        private=True,
    ),
    _text("psn_name", "name", private=True),
    _one_of("gend", "gender", ("0", "1", "2")),
    _code("naty", "ethnicity", required=False),
    _day("brdy", "birth_date"),
)
ENROLMENTS: Final = (
    _PERSON,
    _INSURANCE,
    Cell("insuplc_admdvs", "pooling_area", _AREA, "an area of six digits"),
    _code("psn_type", "person_type"),
    _one_of("psn_insu_stas", "state", (directory.INSURED, directory.PAUSED, directory.ENDED)),
    _day("psn_insu_date", "start_date"),
    _day("paus_insu_date", "paused_date", required=False),
    _one_of("cvlserv_flag", "civil_servant", ("0", "1")),
    _text("emp_name", "employer", required=False),
    _years("enrolment_years"),
    _years("claim_free_years"),
    _recent("benefit_start_date", "benefit_start_date", required=False),
    _day("retirement_date", "retirement_date", required=False),
    Cell(
        "wage_base_yuan",
        "wage_base_fen",
        _YUAN,
        "yuan with at most two decimals, such as 8500.00, below a billion",
        required=False,
        kind=Kind.FEN,
    ),
)
IDENTITIES: Final = (
    _PERSON,
    _code("psn_idet_type", "benefit_group"),
    _day("begntime", "start_date"),
    _day("endtime", "end_date", required=False),
    _one_of("insutype", "insurance_type", codes.INSURANCE_TYPES, required=False),
    _code("psn_type_lv", "level", 3, required=False),
    _text("memo", "memo", required=False),
)
CREDENTIALS: Final = (
    _PERSON,
    _code("mdtrt_cert_type", "type", 3),
    Cell(
        "mdtrt_cert_no",
        "number",
        rf"{_CODE}{{1,{limits.CREDENTIAL_CHARS_MAX}}}",
        f"1 to {limits.CREDENTIAL_CHARS_MAX} printable ASCII characters without spaces",
        private=True,
    ),
    _code("card_sn", "card", limits.CARD_CHARS_MAX, required=False),
    Cell(
        "expi_time",
        "expires",
        _MOMENT,
        "a moment like 2024-05-01 09:30:00, China Standard Time",
        required=False,
        kind=Kind.TIMESTAMP,
    ),
)
FILING_EFFECTS: Final = (
    Cell("insuplc_admdvs", "pooling_area", _AREA, "an area of six digits"),
    _one_of("infno", "filing", (REFERRAL, DISEASE, CHOICE), required=False),
    _one_of("biz_appy_type", "subject", APPLICATIONS, required=False),
    _one_of("place", "place", tuple(directory.Place), required=False),
    _one_of("column", "column", ("referral", "filing", "benefit_groups")),
    _code("value", "value"),
)
FILINGS: Final = (
    _PERSON,
    _code("trt_dcla_detl_sn", "number", limits.NATIONAL_NUMBER_CHARS_MAX),
    Cell("insuplc_admdvs", "pooling_area", _AREA, "an area of six digits"),
    _one_of("infno", "kind", (REFERRAL, DISEASE, CHOICE)),
    _one_of("insutype", "insutype", codes.INSURANCE_TYPES, required=False),
    _recent("begndate", "begndate"),
    _day("enddate", "enddate", required=False),
    _code("opsp_dise_code", "opsp_dise_code", limits.NATIONAL_NUMBER_CHARS_MAX, required=False),
    _text("opsp_dise_name", "opsp_dise_name", required=False),
    _one_of("biz_appy_type", "biz_appy_type", APPLICATIONS, required=False),
    _code("fixmedins_code", "fixmedins_code", limits.NATIONAL_NUMBER_CHARS_MAX, required=False),
    _text("fixmedins_name", "fixmedins_name", required=False),
    _code("reflin_medins_no", "reflin_medins_no", limits.NATIONAL_NUMBER_CHARS_MAX, required=False),
    Cell("mdtrtarea_admvs", "mdtrtarea_admvs", _AREA, "an area of six digits", required=False),
)

FILES: Final[dict[str, tuple[Cell, ...]]] = {
    "institutions": INSTITUTIONS,
    "persons": PERSONS,
    "enrolments": ENROLMENTS,
    "identities": IDENTITIES,
    "credentials": CREDENTIALS,
    "filings": FILINGS,
    "filing_effects": FILING_EFFECTS,
}
"""The files by name, in the order in which they are read: `<name>.csv` or `<name>.parquet`."""

OPTIONAL_FILES: Final = frozenset({"identities", "credentials", "filings", "filing_effects"})
"""Files that a directory may lack."""

KEYS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "institutions": (("institution",),),
    "persons": (("person",), ("certificate_type", "certificate")),
    "enrolments": (("person", "insurance_type", "pooling_area", "start_date"),),
    "identities": (("person", "benefit_group", "insurance_type", "start_date"),),
    "credentials": (("type", "number"),),
    "filings": (("person", "number"), ("number",)),
    "filing_effects": (("pooling_area", "filing", "subject", "place", "column"),),
}
"""What may occur once in a file. The first key of a file is also how its rows are found."""

NEEDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "enrolments": {directory.PAUSED: ("paused_date",), directory.ENDED: ("paused_date",)},
    "filings": {
        REFERRAL: ("mdtrtarea_admvs",),
        DISEASE: ("opsp_dise_code",),
        CHOICE: ("biz_appy_type", "fixmedins_code"),
    },
}
"""File -> value of its deciding column -> columns that must not be blank beside it."""

DECIDING: Final = {"enrolments": "state", "filings": "kind"}
"""File -> the column that `NEEDS` speaks of."""

SPANS: Final = {
    "enrolments": ("start_date", "paused_date"),
    "identities": ("start_date", "end_date"),
    "filings": ("begndate", "enddate"),
}
"""File -> two days, the second of which is blank or no earlier."""
