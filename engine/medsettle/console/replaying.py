"""A replay as a job: what is asked for, the commands that do it, and what came out."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from django.utils import timezone

from medsettle import durable
from medsettle.audit import LedgerFeed
from medsettle.console.draft_reading import Papers, put_among
from medsettle.console.jobs import GIVEN, Job
from medsettle.console.reforms import file_of
from medsettle.replay.layout import DIFFERENCES, HISTORY_FOLDER
from medsettle.replay.report import OUT_FOLDER, PAGE_FILE
from medsettle.rule_cache import rule_book

OUT: Final = "out"
REPORT: Final = f"{OUT_FOLDER}/{PAGE_FILE}"
_DIFFERENCES_SHOWN: Final = 20
_FILES_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class Population:
    """An invented population: of which area, how many persons, in which years, from which seed."""

    area: str
    persons: int
    first_year: int
    last_year: int
    seed: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be replayed, and under what.

    Attributes:
        data: The data folder whose recorded claims are replayed; None for an invented population.
        population: The invented population, where there is one.
        areas: Of recorded claims, the pooling areas; all where none is named.
        as_of: Of recorded claims, the last entry of the ledger that counts; None for all.
        rules: The folder of the rules in force.
        draft: A draft of a policy that stands among them in the baseline, where there is one.
        reforms: The documents of the reforms.
        language: In which the report is written first.
    """

    data: Path | None
    population: Population | None
    areas: tuple[str, ...]
    as_of: int | None
    rules: Path
    draft: Papers | None
    reforms: tuple[bytes, ...]
    language: str

    def prepare(self, folder: Path) -> Sequence[Sequence[str]]:
        """Put the reforms into the folder of a job, and return the commands of the replay."""
        place = folder.resolve()
        overlays = [place / GIVEN / file_of(number) for number in range(len(self.reforms))]
        for path, content in zip(overlays, self.reforms, strict=True):
            durable.put(path, content)
        out, rules = str(place / OUT), str(self._baseline(place))
        reforms = [word for path in overlays for word in ("--reform", str(path))]
        steps: list[list[str]] = []
        if self.population is not None:
            steps.append(_drawn(self.population, str(place / OUT / HISTORY_FOLDER), rules))
        steps.append(["replay", *self._claims(place), "--policy", rules, *reforms, "--out", out])
        steps[-1] += ["--no-report", "--progress", "--json"]
        if reforms:
            words = ["replay-report", out, "--rules", rules, *reforms, "--language", self.language]
            steps.append([*words, "--json"])
        return steps

    def _baseline(self, folder: Path) -> Path:
        """Return the folder of the rules; of those with a draft, a copy is made for the job."""
        if self.draft is None:
            return self.rules.resolve()
        copy = folder / GIVEN / "rules"
        copy_with(self.draft, self.rules, copy)
        return copy

    def _claims(self, folder: Path) -> Iterator[str]:
        if self.data is None:
            yield str(folder / OUT / HISTORY_FOLDER)
            return
        yield str(self.data.resolve())
        for area in self.areas:
            yield from ("--area", area)
        if self.as_of is not None:
            yield from ("--as-of", str(self.as_of))


def copy_with(draft: Papers, rules: Path, copy: Path) -> None:
    """Make a copy of a folder of rules that has a draft of a policy in it."""
    shutil.copytree(rules, copy)
    put_among(draft, rule_book(rules), copy)


def _drawn(wanted: Population, out: str, rules: str) -> list[str]:
    years = f"{wanted.first_year}-{wanted.last_year}"
    words = ["population", "--area", wanted.area, "--persons", str(wanted.persons)]
    words += ["--years", years, "--seed", str(wanted.seed), "--rules", rules, "--out", out]
    return [*words, "--progress", "--json"]


def entry_at_end_of(day: date, ledger: LedgerFeed) -> int:
    """Return the last entry that a ledger recorded on a day or before it, 0 for none.

    Entries are recorded in the order of their moments, so it is found by halving.
    """
    midnight = timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))
    end_us = int(midnight.timestamp()) * 1_000_000
    low, high = 0, ledger.last_seq()
    while low < high:
        middle = (low + high + 1) // 2
        (entry,) = ledger.page(after_seq=middle - 1, limit=1)
        if entry.create_time_us < end_us:
            low = middle
        else:
            high = middle - 1
    return low


def step_told(job: Job, command: str) -> dict[str, Any]:
    """Return what one of the commands of a replay answered; empty before it has."""
    for number, words in enumerate(job.steps):
        if words[0] == command:
            told = job.told(number)
            return {} if "error" in told else told
    return {}


def first_differences(job: Job) -> list[dict[str, Any]]:
    """Return the first claims that the baseline does not settle as they were recorded."""
    found: list[dict[str, Any]] = []
    for path in sorted((job.folder / OUT / DIFFERENCES).glob("part-*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(_DIFFERENCES_SHOWN):
            found += batch.to_pylist()
            if len(found) >= _DIFFERENCES_SHOWN:
                return found[:_DIFFERENCES_SHOWN]
    return found


def files_of(job: Job) -> Mapping[str, Path]:
    """Return the files that a replay made for whoever asked for it, by the name each has there.

    Nothing is found by a name that somebody sends: it is looked up among these.
    """
    out = job.folder / OUT
    if not (out / REPORT).is_file():
        patterns: tuple[str, ...] = (f"{DIFFERENCES}/*.parquet", "replay.json")
    else:
        patterns = (f"{OUT_FOLDER}/*.*", f"{OUT_FOLDER}/*/*.*", f"{OUT_FOLDER}/*/figures/*.parquet")
        patterns += (f"{DIFFERENCES}/*.parquet", "replay.json")
    found = [path for pattern in patterns for path in sorted(out.glob(pattern)) if path.is_file()]
    return {path.relative_to(out).as_posix(): path for path in found[:_FILES_LISTED]}
