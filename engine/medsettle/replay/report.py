"""Write the report of a replay: a page, a workbook, and the figures as Parquet.

<out>/report.html      one page, on its own
<out>/figures.xlsx     the same figures
<out>/<reform>/        see `medsettle.replay.compare`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medsettle import durable
from medsettle.errors import Fault, InvalidRequest, StoreUnavailable
from medsettle.replay.compare import Comparison, compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CompareOptions
from medsettle.replay.reform_words import (
    WORDS_FILE,
    PolicyChange,
    keep_words,
    kept_words,
    words_apart,
)
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
) -> Report:
    """Compare every reform of a replay with the baseline and write the report.

    Args:
        results: Of a replay that has finished.
        out: A folder; `comparison` beside the results where none is named. Files of an earlier
            report are replaced.
        changes: What each reform changes (`reform_words.reform_changes`), by its name. It is kept
            with the figures; without it, what was kept before is told, here or by the replay.
        options: Thresholds, and the response of utilisation.
        page: The language of the page, and whether it has charts.

    Raises:
        Precondition: No claim is settled in both worlds, or charts are wanted without matplotlib.
        InvalidRequest: A file is damaged, or sums are beyond what fits; what a reform changes is
            told of another world, or of other documents than those that were replayed.
        StoreUnavailable: The disk failed or is full.
    """
    folder = out if out is not None else results.folder / OUT_FOLDER
    shown = page or PageOptions()
    try:
        words = _words(results, folder, changes or {})
        comparison = compare(results, folder, options)
        for reform, given in (changes or {}).items():
            keep_words(folder / reform, given)
        html = report_page(comparison, words, shown)
        workbook = figures_workbook(comparison, words, shown.language)
        durable.put(folder / WORKBOOK_FILE, workbook)
        durable.put(folder / PAGE_FILE, html.encode())
        durable.sync_folder(folder)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot write the report into {folder}: {error}; free the disk, or give this account "
            "the right, and give the command again",
            path=str(folder),
        ) from error
    return Report(comparison, folder / PAGE_FILE, folder / WORKBOOK_FILE)


def _words(
    results: Results, folder: Path, changes: Mapping[str, Sequence[PolicyChange]]
) -> dict[str, Sequence[PolicyChange] | None]:
    """Return the words of each reform, given or kept; all that differs from the replay is told."""
    worlds = results.manifest.get("worlds", {})
    had = ", ".join(results.reforms)
    faults = [
        Fault("reform", f"no world is called {name!r}; {results.folder} has {had}: name these")
        for name in changes
        if name not in results.reforms
    ]
    words: dict[str, Sequence[PolicyChange] | None] = {}
    for reform in results.reforms:
        told: Sequence[PolicyChange] | None
        if reform in changes:
            told = changes[reform]
            where, remedy = f"the rules given with {reform}", "name the rules that were replayed"
        else:
            # The replay itself has kept them, beside its results.
            places = dict.fromkeys((folder / reform, results.folder / OUT_FOLDER / reform))
            held = [place for place in places if (place / WORDS_FILE).is_file()]
            own = held[0] if held else folder / reform
            told = kept_words(own)
            where = f"the words in {own / WORDS_FILE}"
            remedy = "remove it, or name the rules with --rules and --reform"
        faults += [
            Fault("reform", f"{where} are not those of the replay: {apart}; {remedy}")
            for apart in words_apart(reform, told or (), worlds)
        ]
        words[reform] = told
    if faults:
        raise InvalidRequest(faults)
    return words
