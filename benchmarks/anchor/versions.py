"""The anchor policy with 36 versions, one a month, whose deductible rises by a yuan each time.

A batch mixes claims of all of them. The document is made from the one in `rules`, so that it stays
the same policy.
"""

from copy import deepcopy
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from medsettle.policy.book import compile_file, read_area_folder
from medsettle.policy.compiled import CompiledPolicy
from ruamel.yaml import YAML

from benchmarks.anchor import claims, policy
from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.medsettle_kernel import FOLDER
from benchmarks.anchor.policy import FEN_PER_YUAN, Shares
from benchmarks.sections.names import VERSIONS

_FIRST_YEAR: Final = 2020
_MONTHS: Final = 12


def compiled(folder: Path) -> CompiledPolicy:
    """Return the policy with its versions, compiled from a document written into a folder."""
    yaml = YAML(typ="rt")
    document = yaml.load((FOLDER / "anchor.yaml").read_text(encoding="utf-8"))
    for name, table in document["tables"].items():
        (version,) = table["versions"]
        table["versions"] = [_changed(version, number, name) for number in range(VERSIONS)]
    text = StringIO()
    yaml.dump(document, text)
    own = folder / FOLDER.name
    own.mkdir()
    (own / "anchor.yaml").write_text(text.getvalue(), encoding="utf-8")
    for name in ("area.yaml", "catalogue.csv"):
        (own / name).write_bytes((FOLDER / name).read_bytes())
    area, faults = read_area_folder(own)
    assert area is not None, faults
    found, faults = compile_file(own / "anchor.yaml", area)
    assert found is not None, faults
    assert len(found.epochs) == VERSIONS, found.epochs
    return found


def _changed(version: Any, number: int, table: str) -> dict[str, Any]:
    start = date(_FIRST_YEAR + number // _MONTHS, number % _MONTHS + 1, 1)
    # A copy: what two versions shared would be written as an anchor, which a document may not
    # have.
    changed = deepcopy(dict(version)) | {"from": start}
    if table == "deductible":
        changed["rows"] = {
            level: {name: _raised(amount, number) for name, amount in row.items()}
            for level, row in version["rows"].items()
        }
    return changed


def _raised(amount: str, yuan: int) -> str:
    return f"{int(amount.removesuffix('元')) + yuan}元"


def random_versions(count: int, seed: int) -> FenArray:
    """Return a version for each claim."""
    return np.random.default_rng(seed).integers(0, VERSIONS, count)


def reference(columns: Columns, versions: FenArray) -> Columns:
    """Return what the reference makes of claims of several versions."""
    settled = [
        policy.settle(claim, version * FEN_PER_YUAN)
        for claim, version in zip(claims.rows(columns), versions.tolist(), strict=True)
    ]
    return dict(zip(Shares._fields, np.array(settled, np.int64).T.copy(), strict=True))
