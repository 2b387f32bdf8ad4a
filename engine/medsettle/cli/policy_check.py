"""`medsettle policy check`: every fault of rule documents, and what looks like a slip."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json, Overlays, Paths
from medsettle.cli.rule_folders import documents
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import book as books
from medsettle.policy.area import Area
from medsettle.policy.example_names import name_faults
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.read_card import CARD_FILE, read_card_file
from medsettle.policy.read_exclusions import EXCLUSIONS_FILE, read_exclusions_file
from medsettle.policy.read_routing import ROUTING_FILE, read_routing_file
from medsettle.policy.remarks import remarks


def check(paths: Paths, overlay: Overlays = None, as_json: Json = False) -> None:
    """Check documents and list every fault with file, line, column and remedy.

    Remarks say what a document leaves out or what looks like a slip. Either may be meant, so they
    are no faults. With overlays, folders are checked as they are with the reforms applied.
    """
    console = Console(soft_wrap=True)
    found = _Checked()
    with told(console, as_json=as_json):
        named = list(dict.fromkeys(each for path in paths for each in documents(path)))
        for folder in dict.fromkeys(document.parent for document in named):
            found.read([document for document in named if document.parent == folder])
        for path in paths:
            if path.is_dir() and not found.violations:
                found.read_book(path, overlay or [])
    if found.violations:
        found.remarks.clear()
    _print(console, found, len(named), as_json=as_json)
    if found.violations:
        raise Quit(Exit.FINDING)


@dataclass
class _Checked:
    """What was found in documents; `unread` are those whose area has faults itself."""

    violations: list[Violation] = field(default_factory=list)
    remarks: list[Violation] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)

    def read(self, named: list[Path]) -> None:
        """Check documents of one area, which is read once."""
        area, faults = books.read_area_folder(named[0].parent)
        self.violations += faults
        others = [document for document in named if document.name != books.AREA_FILE]
        if area is None:
            self.unread += others
            return
        for document in others:
            if document.name.endswith(books.EXAMPLES_SUFFIX):
                examples, faults = read_examples(document)
                self.examples += examples
                self.violations += faults
            elif document.name == ROUTING_FILE:
                self.violations += read_routing_file(document, area.lines.earmarks)[1]
            elif document.name == CARD_FILE:
                self.violations += read_card_file(document)[1]
            elif document.name == EXCLUSIONS_FILE:
                self.violations += read_exclusions_file(document)[1]
            else:
                self._read_policy(document, area)

    def _read_policy(self, document: Path, area: Area) -> None:
        compiled, faults = books.compile_file(document, area)
        self.violations += faults
        self.remarks += remarks([compiled]) if compiled is not None else []

    def read_book(self, folder: Path, overlays: list[Path]) -> None:
        """Check what only shows when the documents of a folder are read together."""
        one_area = (folder / books.AREA_FILE).is_file()
        if not one_area and not any(folder.glob(f"*/{books.AREA_FILE}")):
            return
        rules, only = (folder.parent, [folder.name]) if one_area else (folder, [])
        try:
            book = books.load_rule_book(rules, overlays=overlays, only=only)
        except PolicyRejected as error:
            self.violations += error.violations
        else:
            own = [each for each in self.examples if _lies_in(each, folder)]
            self.violations += name_faults(own, book.policies)
            self.remarks = list(dict.fromkeys([*self.remarks, *remarks(book.policies)]))


def _lies_in(example: Example, folder: Path) -> bool:
    return folder in Path(example.place.file).parents


def _print(console: Console, found: _Checked, documents: int, *, as_json: bool) -> None:
    if as_json:
        body = {
            "documents": documents,
            "violations": [asdict(each) for each in found.violations],
            "remarks": [asdict(each) for each in found.remarks],
        }
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    for remark, each in [(False, fault) for fault in found.violations] + [
        (True, fault) for fault in found.remarks
    ]:
        place = f"{each.file}:{each.line}:{each.column}"
        console.print(f"[bold]{escape(place)}[/] [cyan]{escape(each.key_path)}[/]")
        style = "[yellow]remark:[/] " if remark else ""
        console.print(f"  {style}{escape(each.message)}", highlight=False)
    if found.unread:
        count = f"{len(found.unread)} document{'s' if len(found.unread) > 1 else ''}"
        console.print(f"{count} not read, for the area beside has faults; mend these first")
    remarked = f", {len(found.remarks)} remark(s)" if found.remarks else ""
    console.print(f"{documents} document(s), {len(found.violations)} fault(s){remarked}")
