"""Write the report of a replay: a page, a workbook, and the figures as Parquet.

<out>/report.html      one page, on its own
<out>/figures.xlsx     the same figures
<out>/<reform>/        see `medsettle.replay.compare`
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medsettle import durable
from medsettle.errors import StoreUnavailable
from medsettle.replay.compare import Comparison, compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CompareOptions
from medsettle.replay.reform_words import PolicyChange, keep_words, kept_words
from medsettle.replay.report_excel import WORKBOOK_FILE, figures_workbook
from medsettle.replay.report_page import PageOptions, report_page

OUT_FOLDER: Final = "comparison"
PAGE_FILE: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Report:
    """A written report: what was compared, and its files."""

    comparison: Comparison
    page: Path
    workbook: Path


def write_report(
    results: Results,
    out: Path | None = None,
    *,
    changes: Mapping[str, Sequence[PolicyChange]] | None = None,
    options: CompareOptions | None = None,
    page: PageOptions | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Report:
    """Compare every reform of a replay with the baseline and write the report.

    Args:
        results: Of a replay that has finished.
        out: A folder; `comparison` beside the results where none is named. Files of an earlier
            report are replaced.
        changes: What each reform changes (`reform_words.policy_changes`), by its name. It is kept
            with the figures; without it, what was kept before is told.
        options: Thresholds, and the response of utilisation.
        page: The language of the page, and whether it has charts.
        told: Called with the name of each reform before it is compared.

    Raises:
        Precondition: No claim is settled in both worlds, or charts are wanted without matplotlib.
        InvalidRequest: A file is damaged, or sums are beyond what fits.
        StoreUnavailable: The disk failed or is full.
    """
    folder = out if out is not None else results.folder / OUT_FOLDER
    shown = page or PageOptions()
    comparison = compare(results, folder, options, told)
    words: dict[str, Sequence[PolicyChange] | None] = {}
    try:
        for reform in results.reforms:
            given = (changes or {}).get(reform)
            if given is not None:
                keep_words(folder / reform, given)
            words[reform] = given if given is not None else kept_words(folder / reform)
        html = report_page(comparison, words, shown)
        durable.put(folder / WORKBOOK_FILE, figures_workbook(comparison, shown.language))
        durable.put(folder / PAGE_FILE, html.encode())
        durable.sync_folder(folder)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot write the report into {folder}: {error}; free the disk and give the command "
            "again",
            path=str(folder),
        ) from error
    return Report(comparison, folder / PAGE_FILE, folder / WORKBOOK_FILE)
