"""An invented clearing centre that the pages of this process look at, at a fixed moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from medsettle.clearing.notices.payment_files import fiscal
from medsettle.console import place
from medsettle.console.place import Holdings

from tests.clearing.notices_made import fiscal_accounts
from tests.console.conftest import Day

NOW = datetime(2024, 6, 3, 1, 2, 3, tzinfo=UTC)


@contextmanager
def centre_at(day: Day, folder: Path, moment: datetime = NOW) -> Iterator[Path]:
    """Let the pages look at a clearing centre below a folder, and return the folder of its stores.

    The ledger and the audit tables are those of the day.
    """
    where = replace(day.place(), data=folder, clearing=folder / "clearing", state=folder / "state")
    holdings = Holdings(where, lambda: moment)
    place.put(holdings)
    try:
        yield folder / "clearing"
    finally:
        holdings.close()


def upload(content: bytes, name: str) -> BytesIO:
    """Return a file as a client of Django uploads it."""
    file = BytesIO(content)
    file.name = name
    return file


def accounts_csv() -> bytes:
    """Return the fiscal accounts of three invented provinces as their keeper writes them."""
    rows = ["payee_type,pooling_area,payee,account,name,bank"]
    for province in ("97", "98", "99"):
        for line in ("employee", "resident"):
            found = fiscal_accounts()[fiscal(province, line)]
            cells = ("fiscal", f"{province}0000", line, found.account, found.name, found.bank)
            rows.append(",".join(cells))
    return "\n".join(rows).encode()


def sent(act: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what a form of a page sends: which act it is, and its fields."""
    return {"act": act} | {f"{act}-{name}": value for name, value in values.items()}
