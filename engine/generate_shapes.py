"""Write what the rules hold into the pages: the table of rule shapes, and how many there are.

The table stands in `rules/README.md` and is made of the shapes that examples name; `README.md` has
the numbers. Stands beside the package because it writes files. `make shapes` runs it, and a test
compares the pages with what it would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle.policy.book import AREA_FILE, EXAMPLES_SUFFIX, policy_files
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.shapes import UNSAID, hard_combinations, rule_shapes

BEGIN: Final = "<!-- shapes: begin -->\n"
END: Final = "<!-- shapes: end -->\n"
COUNTS: Final = ("<!-- counts: begin -->\n", "<!-- counts: end -->\n")
FOLDERS: Final = ("rules", "fixtures/policies/shapes")


def _examples(root: Path) -> Iterator[tuple[Path, list[Example]]]:
    """Yield each file of examples, relative to the root, in order of path."""
    for folder in FOLDERS:
        for path in sorted((root / folder).glob(f"*/*{EXAMPLES_SUFFIX}")):
            examples, violations = read_examples(path)
            if violations:
                raise SystemExit("\n".join(map(str, violations)))
            yield path.relative_to(root), examples


def proofs(root: Path) -> dict[str, list[tuple[Path, Example]]]:
    """Return, for each shape, the example files and examples that prove it, in order of path."""
    found: dict[str, list[tuple[Path, Example]]] = {}
    for path, examples in _examples(root):
        for example in examples:
            for shape in example.shapes:
                found.setdefault(shape, []).append((path, example))
    return found


def _link(path: Path) -> str:
    document = path.as_posix().replace(EXAMPLES_SUFFIX, ".yaml")
    return f"[{path.parent.name}/{path.stem.split('.')[0]}](../{document})"


def _rows(root: Path) -> Iterator[str]:
    proved = proofs(root)
    shapes = rule_shapes()
    done = sum(shape.name in proved for shape in shapes)
    yield f"{done} of {len(shapes)} are proved.\n"
    yield "| shape | what it is | said by | document, example |"
    yield "|---|---|---|---|"
    for shape in shapes:
        construct = "–" if shape.construct == UNSAID else shape.construct
        where = "–"
        if shape.name in proved:
            path, example = proved[shape.name][0]
            more = len(proved[shape.name]) - 1
            where = f"{_link(path)}, `{example.name}`"
            where += f" and {more} more" if more else ""
        yield f"| {shape.name} | {shape.says} | {construct} | {where} |"


def _combinations(root: Path) -> Iterator[str]:
    where = {
        f"{example.policy} {example.name}": path
        for path, examples in _examples(root)
        for example in examples
    }
    yield "\nWhat is hard together, with the examples that hold all of it:\n"
    yield "| | what is combined | shapes | document, example |"
    yield "|---|---|---|---|"
    for hard in hard_combinations():
        held = [f"{_link(where[name])}, `{name.split()[1]}`" for name in hard.examples]
        cells = (hard.number, hard.says, " ".join(hard.shapes), "; ".join(held))
        yield f"| {' | '.join(cells)} |"


def page(root: Path) -> str:
    """Return `rules/README.md` with the table of today's examples."""
    table = "\n".join([*_rows(root), *_combinations(root)])
    return _between(root / "rules" / "README.md", (BEGIN, END), f"{table}\n")


def front(root: Path) -> str:
    """Return `README.md` with the number of today's policies, areas and examples."""
    areas = sorted((root / "rules").glob(f"*/{AREA_FILE}"))
    policies = sum(len(list(policy_files(area.parent))) for area in areas)
    examples = sum(len(found) for path, found in _examples(root) if path.is_relative_to(FOLDERS[0]))
    counted = (
        f"`rules/` holds {policies} policies of {len(areas)} pooling areas with {examples} worked "
        "examples.\n"
    )
    return _between(root / "README.md", COUNTS, counted)


def _between(path: Path, marks: tuple[str, str], text: str) -> str:
    """Return a page with a text between two marks."""
    head, _, rest = path.read_text(encoding="utf-8").partition(marks[0])
    _, _, tail = rest.partition(marks[1])
    return "".join([head, marks[0], text, marks[1], tail])


def main(arguments: list[str]) -> None:
    """Write the page of the rules and the front page to the two paths given."""
    root = Path(__file__).parents[1]
    for path, text in zip(arguments, (page(root), front(root)), strict=True):
        Path(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
