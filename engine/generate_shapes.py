"""Write the table of rule shapes into `rules/README.md`, from the shapes that examples name.

Stands beside the package because it writes a file. `make shapes` runs it, and a test compares the
page with what it would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle.policy.book import EXAMPLES_SUFFIX
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.shapes import UNSAID, hard_combinations, rule_shapes

BEGIN: Final = "<!-- shapes: begin -->\n"
END: Final = "<!-- shapes: end -->\n"
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
    text = (root / "rules" / "README.md").read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return "".join([head, BEGIN, "\n".join([*_rows(root), *_combinations(root)]), "\n", END, tail])


def main(arguments: list[str]) -> None:
    """Write the page to the path given."""
    root = Path(__file__).parents[1]
    Path(arguments[0]).write_text(page(root), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
