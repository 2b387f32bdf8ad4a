"""Downloads of the catalogue: pages (1304, 1312, 1316-1319) and files (1301-1315).

A file is not kept: its number says which list of which area in which state it is, and it is made
from the loaded catalogue when it is fetched by 9102. So a hundred hospitals that fetch it every
night leave nothing behind.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from medsettle import errors, limits
from medsettle.core.dates import service_day_of
from medsettle.gateway import catalogue_rows
from medsettle.gateway.catalogue_rows import Page
from medsettle.gateway.fields import Values
from medsettle.gateway.insured import covers
from medsettle.gateway.office import Office
from medsettle.gateway.statement_files import packed
from medsettle.gateway.transactions import Answer, Asked
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.keys import NONE

Rows = Sequence[Sequence[str | None]]

ITEMS: Final = {
    "1301": ("101",),
    "1302": ("102",),
    "1303": ("103",),
    "1305": ("201",),
    "1306": ("301",),
}
"""Transaction -> list types (目录类别) of the items in its file."""

CODES: Final = {"1307": "diagnosis", "1309": "disease"}
"""Transaction -> column of claims whose codes policies name."""

NOT_KEPT: Final = ("1308", "1310", "1311", "1313", "1314", "1315")
"""Lists that no rule here asks for, and so nobody keeps."""

_NUMBER: Final = re.compile(r"(13\d\d)-(\d{6})-([0-9a-f]{18})")
_EMPTY: Final = "[LIST_NOT_KEPT] 本平台不维护该目录，返回空"
_PARTIAL: Final = "[LIST_PARTIAL] 只含待遇政策文件提到的编码（编码前缀）"
_CURRENT: Final = "[CATALOGUE_CURRENT] 本地已是最新版本"


def _area_of(office: Office, stated: str) -> str:
    """Return the pooling area whose rules are loaded and in which a region lies.

    Raises:
        NotFound: None is.
    """
    book = office.desk.engine.rulebook
    if stated in book.catalogues:
        return stated
    # Of a province and a city in it the smaller one is meant.
    around = [area for area in sorted(book.catalogues, reverse=True) if covers(area, stated)]
    if not around:
        raise errors.NotFound(
            f"no catalogue of region {stated} is loaded; check the region", pooling_area=stated
        )
    return around[0]


# --- pages -------------------------------------------------------------------------------------

_Reader = Callable[[str, Catalogue, Values, date, slice], Page]


async def page_items(office: Office, asked: Asked) -> Answer:
    """Return a page of items with their class (1312)."""
    return _page(office, asked, catalogue_rows.items)


async def page_ceilings(office: Office, asked: Asked) -> Answer:
    """Return a page of price ceilings (1318)."""
    return _page(office, asked, catalogue_rows.ceilings)


async def page_ratios(office: Office, asked: Asked) -> Answer:
    """Return a page of first-self-pay ratios (1319)."""
    return _page(office, asked, catalogue_rows.ratios)


async def page_nothing(_office: Office, asked: Asked) -> Answer:
    """Return an empty page of a list that nobody keeps (1304, 1316, 1317)."""
    return Answer(_paged(asked.input["data"], Page((), 0)), (_EMPTY,))


def _page(office: Office, asked: Asked, read: _Reader) -> Answer:
    said = asked.input["data"]
    area = _area_of(office, said["insu_admdvs"] or asked.envelope.treatment_area)
    size = said["page_size"]
    start = (said["page_num"] - 1) * size
    catalogue = office.desk.engine.rulebook.catalogues[area]
    today = service_day_of(office.clock())
    page = read(area, catalogue, said, today, slice(start, start + size))
    return Answer(_paged(said, page))


def _paged(said: Values, page: Page) -> dict[str, Any]:
    size = said["page_size"]
    return {
        "data": page.rows,
        "": {
            "recordCounts": page.total,
            "pages": -(-page.total // size),
            "page_num": said["page_num"],
            "page_size": size,
        },
    }


# --- files -------------------------------------------------------------------------------------


async def announce(office: Office, asked: Asked) -> Answer:
    """Return the number by which 9102 fetches the file of a list (1301-1315)."""
    infno = asked.envelope.infno
    if infno in NOT_KEPT:
        return Answer({"": {"data_cnt": 0}}, (_EMPTY,))
    area = _area_of(office, asked.envelope.treatment_area)
    version, rows = _list(office, area, infno)
    warnings = (_PARTIAL,) if infno in CODES else ()
    if not rows:
        return Answer({"": {"data_cnt": 0, "ver": version}}, (_EMPTY,))
    if asked.input["data"]["ver"] == version:
        return Answer({"": {"data_cnt": 0, "ver": version}}, (_CURRENT,))
    told = {
        "file_qury_no": f"{infno}-{area}-{version}",
        "filename": f"{infno}_{area}_{version}.zip",
        "data_cnt": len(rows),
        "ver": version,
    }
    return Answer({"": told}, warnings)


async def made_file(office: Office, number: str) -> tuple[str, bytes] | None:
    """Return name and bytes of the file of a list, None where a number is of no such file.

    Raises:
        FileExpired: The list has changed since its number was told.
        NotFound: The area is not loaded any more.
    """
    found = _NUMBER.fullmatch(number)
    if found is None:
        return None
    infno, area, stated = found.groups()
    if infno not in {*ITEMS, *CODES}:
        return None
    version, rows = _list(office, _area_of(office, area), infno)
    if version != stated:
        raise errors.FileExpired(
            f"the list of {number} has changed; ask {infno} for its new number",
            file_qury_no=number,
        )
    # A catalogue of a hundred thousand rows takes a second: others are settled meanwhile.
    data = await asyncio.to_thread(packed, f"{infno}_{area}_{version}.txt", rows)
    return f"{infno}_{area}_{version}.zip", data


def _list(office: Office, area: str, infno: str) -> tuple[str, Rows]:
    """Return the rows of a list, and what tells its state from another."""
    book = office.desk.engine.rulebook
    if infno in ITEMS:
        catalogue = book.catalogues[area]
        return catalogue_rows.version_of(catalogue), _item_rows(catalogue, ITEMS[infno])
    rows = _code_rows(office, area, CODES[infno])
    digest = sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()
    return digest[: limits.LIST_VERSION_CHARS], rows


@lru_cache(maxsize=8)
def _item_rows(catalogue: Catalogue, list_types: tuple[str, ...]) -> Rows:
    return catalogue_rows.listed(catalogue, list_types)


def _code_rows(office: Office, area: str, column: str) -> list[tuple[str, str, str]]:
    """Return the codes of a column that policies of an area name: code, class, policy."""
    found = {
        (code, value, compiled.policy.title)
        for compiled in office.desk.engine.rulebook.policies
        if compiled.policy.pooling_area == area
        for dimension in compiled.policy.dimensions.values()
        if dimension.column == column
        for value, codes in zip(dimension.values, dimension.codes, strict=False)
        for code in codes
        if code != NONE
    }
    return sorted(found)
