"""An invented population, drawn part by part and written as a history.

Parts are drawn on several threads and written in order, so a history is the same whatever their
number; what lies in memory is one part a thread and one that is written.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.replay.history import INVENTED_POPULATION, History, HistoryWriter
from medsettle.replay.population.accepted import Span
from medsettle.replay.population.bills import trimming
from medsettle.replay.population.credits import Credits
from medsettle.replay.population.marginals import Marginals, load_marginals
from medsettle.replay.population.part import DrawnPart, draw_part
from medsettle.replay.population.scene import Scene, make_scene

VERSION: Final = 3
"""Of the way populations are drawn; another one gives another population for the same seed."""

SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which population is wanted.

    Args:
        area: The pooling area, one of the rules.
        persons: How many persons.
        first_year: The first year whose visits are made.
        last_year: The last one.
        seed: The same seed gives the same bytes.
        refunds: The share of bills with a line that takes back a part of another one.
    """

    area: str
    persons: int
    first_year: int
    last_year: int
    seed: int = SEED
    refunds: float = 0

    def check(self, threads: int) -> None:
        """Refuse what cannot be made, all at once.

        Raises:
            InvalidRequest: A number lies outside its bounds, or the years are in no order.
        """
        bounds = {
            "persons": (self.persons, 1, limits.POPULATION_PERSONS_MAX),
            "seed": (self.seed, 0, limits.POPULATION_SEED_MAX),
            "threads": (threads, 1, limits.POPULATION_THREADS_MAX),
            "refunds": (self.refunds, 0, 1),
            "first year": (self.first_year, limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX),
            "last year": (self.last_year, limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX),
        }
        faults = [
            Fault(name, f"{found} lies outside {least} to {most}; name a number between them")
            for name, (found, least, most) in bounds.items()
            if not least <= found <= most
        ]
        years = self.last_year - self.first_year + 1
        if years < 1:
            backwards = f"{self.first_year} comes after {self.last_year}; write the earlier first"
            faults.append(Fault("years", backwards))
        elif years > limits.POPULATION_YEARS_MAX:
            most_years = limits.POPULATION_YEARS_MAX
            faults.append(Fault("years", f"{years} years, more than {most_years}; name fewer"))
        if faults:
            raise InvalidRequest(faults)


@dataclass(frozen=True, slots=True)
class Population:
    """A population that was made: its history, and what is in it beside claims and lines.

    `left_out` are visits that no document in force settles, and were not written.
    """

    history: History
    persons: int
    cancelled: int
    left_out: int


def make_population(
    book: RuleBook,
    wanted: Wanted,
    out: Path,
    *,
    marginals: Marginals | None = None,
    threads: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Population:
    """Return an invented population, written as a history.

    Args:
        book: The rules of the area, which say what is settled there, by which items.
        wanted: Which population.
        out: A folder without a finished history; made where it is missing.
        marginals: What it looks like; without any, the nation's figures that come with medsettle.
        threads: How many draw parts at once.
        progress: Told after each part how many persons are made.

    Raises:
        NotFound: The rules have no such area.
        InvalidRequest: A number lies outside its bounds, the area settles nothing of it, or the
            folder has a history.
        OSError: The disk failed.
    """
    wanted.check(threads)
    marginals = marginals or load_marginals()
    span = Span(wanted.first_year, wanted.last_year)
    scene = make_scene(
        book,
        wanted.area,
        marginals,
        span,
        persons=wanted.persons,
        seed=wanted.seed,
        refunds=wanted.refunds,
    )
    source = _source(scene)
    writer = HistoryWriter(out, source)
    persons = cancelled = left_out = moves_left_out = 0
    for part in _parts(scene, threads):
        writer.add(part.numbered(writer.claims))
        persons += part.persons
        cancelled += part.cancelled
        left_out += part.left_out
        moves_left_out += part.moves_left_out
        progress(persons)
    source["moves_of_others_left_out"] = moves_left_out
    return Population(writer.finish(), persons, cancelled, left_out)


def _parts(scene: Scene, threads: int) -> Iterator[DrawnPart]:
    trimmed, paying = trimming(scene), Credits(scene)
    count = -(-scene.persons // limits.POPULATION_PART_PERSONS)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[DrawnPart]] = deque()
        for number in range(count):
            waiting.append(pool.submit(draw_part, scene, number, trimmed, paying))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _source(scene: Scene) -> dict[str, object]:
    """Return of what a history was made, for whoever makes it again."""
    documents = sorted(
        {
            compiled.policy.name: compiled.digest
            for compiled in scene.book.policies
            if compiled.policy.pooling_area == scene.area
        }.items()
    )
    return {
        "made": INVENTED_POPULATION,
        "version": VERSION,
        "area": scene.area,
        "persons": scene.persons,
        "years": [scene.span.first_year, scene.span.last_year],
        "seed": scene.seed,
        "refunds": scene.refunds,
        "marginals": scene.marginals.digest,
        "policies": dict(documents),
        "catalogue": scene.book.catalogues[scene.area].digest[:DIGEST_CHARS],
    }
