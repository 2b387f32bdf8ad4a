"""Files of audit tables whose persons stand under several keys, or plain, told under one.

Before audit tables had pseudonyms they told persons as they are, and every rotation begins another
key. A person is followed over all of these by the links of the newest key.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from medsettle import durable
from medsettle.audit.personal import persons_key, told_by
from medsettle.audit.segments import parquet_bytes, stored_columns
from medsettle.errors import Precondition
from medsettle.privacy.links import Following
from medsettle.privacy.pseudonyms import Pseudonyms
from medsettle.replay.coded_files import read_coded

Files: TypeAlias = Mapping[str, tuple[Path, ...]]


def under_one_key(files: Files, pseudonyms: Pseudonyms | None, scratch: Path | None) -> Files:
    """Return files of audit tables in all of which persons stand under the same key.

    Args:
        files: By table, in ledger order.
        pseudonyms: The keys; needed where files have several.
        scratch: Where files under another key than the newest are then written anew.

    Raises:
        Precondition: There are several keys, and none to follow persons by.
        NotFound: A rotation was not finished.
        OSError, ArrowException: A file cannot be read or written.
    """
    keys = {path: persons_key(path) for paths in files.values() for path in paths}
    if len({*keys.values()}) <= 1:
        return files
    if pseudonyms is None or not pseudonyms.keys or scratch is None:
        named = ", ".join(sorted(key or "no key, as they are" for key in {*keys.values()}))
        raise Precondition(
            f"the audit tables tell persons under several keys ({named}), so nobody can be "
            "followed from one to the other; name the folder of the keys with --pseudonym-keys"
        )
    following, newest = Following(pseudonyms), pseudonyms.newest
    return {
        table: tuple(
            path
            if keys[path] == newest
            else _written(table, path, scratch / table / f"{number:06d}", following, newest)
            for number, path in enumerate(paths)
        )
        for table, paths in files.items()
    }


def check_followed(books: Sequence[Files]) -> None:
    """Check that persons for whom several engines decided can be followed from one to the other.

    Args:
        books: The files of each engine.

    Raises:
        Precondition: Two engines tell the persons of one area by different keys.
        OSError, ArrowException: A file cannot be read.
    """
    keys: dict[str, set[str | None]] = {}
    for files in books:
        own: dict[str, set[str | None]] = {}
        for path in files["settlements"]:
            (area,) = (part for part in path.parts if part.startswith("pooling_area="))
            own.setdefault(area, set()).add(persons_key(path))
        for area, found in own.items():
            keys.setdefault(area, set()).update(found)
    for area, found in keys.items():
        if len(found) > 1:
            named = ", ".join(sorted(key or "no key, as they are" for key in found))
            raise Precondition(
                f"several engines tell the persons of {area.partition('=')[2]} by different keys "
                f"({named}), so nobody can be followed; replay each engine by itself, or name the "
                "data folder of the one that has the keys of all"
            )


def _written(table: str, path: Path, below: Path, following: Following, newest: str) -> Path:
    """Write a file anew below a folder, in the partition that it is of, and return its path."""
    rows = read_coded(path, stored_columns(table))
    columns = tuple(each for each in stored_columns(table) if each.name in {*rows.column_names})
    told = told_by(rows, following.now)
    place = below / Path(*[part for part in path.parts if "=" in part], path.name)
    durable.make_folder(place.parent)
    durable.put(place, parquet_bytes(columns, told, newest))
    return place
