"""What `medsettle policy check` looks at and says: faults of documents, and remarks on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import book as books
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.examples import read_examples
from medsettle.policy.remarks import remarks


@dataclass(frozen=True, slots=True)
class Checked:
    """How many documents were checked, their faults, and where there are none, remarks on them."""

    documents: int
    violations: list[Violation]
    remarks: list[Violation]


def check_documents(paths: Sequence[Path], overlays: Sequence[Path]) -> Checked:
    """Return the faults of documents and of folders of them, and the remarks on good ones.

    Raises:
        OSError: A path cannot be read, or holds no document.
    """
    documents = [document for path in paths for document in _documents(path)]
    violations: list[Violation] = []
    alone: list[CompiledPolicy] = []
    for document in documents:
        compiled, found = _read(document)
        violations += found
        alone += [compiled] if compiled is not None else []
    said: list[Violation] = []
    for path in paths:
        if violations:
            break
        if path.is_dir() and any(path.glob(f"*/{books.AREA_FILE}")):
            found, own = _together(path, overlays)
            violations += found
            said += remarks(own)
    if not said and not violations:
        said = [remark for compiled in alone for remark in remarks([compiled])]
    return Checked(len(documents), violations, [] if violations else [*dict.fromkeys(said)])


def _documents(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [
        document
        for folder in sorted({*path.rglob(books.AREA_FILE)})
        for document in sorted(folder.parent.glob("*.yaml"))
    ]
    if not found:
        raise FileNotFoundError(f"{path} holds no rule document; expected folders with area.yaml")
    return found


def _read(document: Path) -> tuple[CompiledPolicy | None, list[Violation]]:
    """Return the policy of a document, None for one that is none, and its faults."""
    area, faults = books.read_area_folder(document.parent)
    if document.name == books.AREA_FILE or area is None:
        return None, faults
    if document.name.endswith(books.EXAMPLES_SUFFIX):
        return None, read_examples(document)[1]
    return books.compile_file(document, area)


def _together(
    folder: Path, overlays: Sequence[Path]
) -> tuple[list[Violation], Sequence[CompiledPolicy]]:
    """Return the faults that only show when a folder of areas is read together, and its policies.

    One of the two is empty.
    """
    try:
        return [], books.load_rule_book(folder, overlays=overlays).policies
    except PolicyRejected as error:
        return list(error.violations), []


def checked_lines(checked: Checked) -> Iterator[str]:
    """Yield faults and remarks as lines with markup, and at last how many there are."""
    for mark, found in (("", checked.violations), ("[yellow]remark:[/] ", checked.remarks)):
        for each in found:
            place = f"{each.file}:{each.line}:{each.column}"
            yield f"[bold]{escape(place)}[/] [cyan]{escape(each.key_path)}[/]"
            yield f"  {mark}{escape(each.message)}"
    counted = f"{checked.documents} document(s), {len(checked.violations)} fault(s)"
    yield f"{counted}, {len(checked.remarks)} remark(s)" if checked.remarks else counted
