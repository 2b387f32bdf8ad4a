"""The rule book: every area, catalogue and policy of a folder, checked and compiled.

A folder holds one folder for each pooling area, named by its six digits, with `area.yaml`, the
catalogue it names, and one document for each policy. Worked examples lie beside the policies as
`*.examples.yaml` and are read by `medsettle.policy.examples`; how one visit is routed over several
schemes may stand in `routing.yaml`, what the area says of its cards in `card.yaml`, and what is
looked for before payment in `exclusions.yaml`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path

from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import area_keys, tree
from medsettle.policy.area import Area, read_area
from medsettle.policy.card_terms import CardRules
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.checker import Checker
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.conflicts import conflicts
from medsettle.policy.exclusions import Exclusions
from medsettle.policy.model import Policy
from medsettle.policy.overlay import Overlay, ended, overlay_faults, read_overlays, reformed
from medsettle.policy.read_card import CARD_FILE, read_card_file
from medsettle.policy.read_exclusions import EXCLUSIONS_FILE, read_exclusions_file
from medsettle.policy.read_policy import read_policy
from medsettle.policy.read_routing import ROUTING_FILE, read_routing_file
from medsettle.policy.routing import Routing
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.policy.tree import Map
from medsettle.policy.vocabulary import canonical, quoted

AREA_FILE = area_keys.AREA_FILE
EXAMPLES_SUFFIX = ".examples.yaml"
_OTHER_FILES = {AREA_FILE, ROUTING_FILE, CARD_FILE, EXCLUSIONS_FILE}


def load_rule_book(
    folder: Path,
    *,
    overlays: Sequence[Path] = (),
    known_on: date | None = None,
    only: Collection[str] = (),
) -> RuleBook:
    """Return the rule book of a folder.

    Args:
        folder: One folder for each area.
        overlays: Documents of reforms (`medsettle.policy.overlay`), applied in order of time.
        known_on: Leaves out what was published later, for settling as on that day (shape T4).
        only: The areas to read; all where none is named.

    Raises:
        PolicyRejected: Some document has faults; all faults of all documents are listed.
        OSError: The folder or a file cannot be read, or the folder is no folder of areas.
    """
    reforms, faults = read_overlays(overlays)
    return reformed_book(folder, reforms, faults, known_on=known_on, only=only)


def reformed_book(
    folder: Path,
    reforms: Sequence[Overlay],
    known: Sequence[Violation] = (),
    *,
    known_on: date | None = None,
    only: Collection[str] = (),
) -> RuleBook:
    """Return the rule book of a folder under overlays that are read already.

    Args:
        folder: One folder for each area.
        reforms: The overlays, in order of time.
        known: Their faults; those of what they change are told with them.
        known_on: As `load_rule_book`, and so is `only`.
        only: The areas to read.

    Raises:
        PolicyRejected: As `load_rule_book`.
        OSError: As `load_rule_book`.
    """
    _refuse_no_rules(folder)
    areas: dict[str, Area] = {}
    catalogues: dict[str, Catalogue] = {}
    policies: list[CompiledPolicy] = []
    beside = _Beside()
    violations = [*known, *([] if only else _strays(folder))]
    folders = [
        path
        for path in sorted(folder.iterdir())
        if _is_area_folder(path) and (not only or path.name in only)
    ]
    if not folders and not violations:
        violations = [_no_area(folder)]
    for area_folder in folders:
        area, faults = read_area_folder(area_folder)
        violations += faults
        if area is None:
            continue
        areas[area.code] = area
        catalogue, faults = _catalogue(area)
        violations += faults
        if catalogue is not None:
            catalogues[area.code] = catalogue
        violations += beside.read(area_folder, area)
        for path in policy_files(area_folder):
            found, faults = compile_revisions(path, area, reforms, known_on)
            violations += faults
            policies += found
    violations += _without_ratios([compiled.policy for compiled in policies], areas, catalogues)
    violations += conflicts([compiled.policy for compiled in policies])
    if not violations:
        # A policy with faults of its own is none, and no fault of its reform.
        violations = overlay_faults(reforms, [compiled.policy.name for compiled in policies])
    if violations:
        raise PolicyRejected(violations)
    documents = (beside.routings, beside.cards, beside.exclusions)
    return RuleBook(areas, catalogues, tuple(policies), *documents)


@dataclass
class _Beside:
    """What stands beside the policies of areas, by area."""

    routings: dict[str, Routing] = field(default_factory=dict)
    cards: dict[str, CardRules] = field(default_factory=dict)
    exclusions: dict[str, Exclusions] = field(default_factory=dict)

    def read(self, folder: Path, area: Area) -> list[Violation]:
        """Read the documents that a folder has, and return their faults."""
        violations: list[Violation] = []
        if (folder / ROUTING_FILE).is_file():
            routing, faults = read_routing_file(folder / ROUTING_FILE, area.lines.earmarks)
            violations += faults
            self.routings |= {area.code: routing} if routing is not None else {}
        if (folder / CARD_FILE).is_file():
            card, faults = read_card_file(folder / CARD_FILE)
            violations += faults
            self.cards |= {area.code: card} if card is not None else {}
        if (folder / EXCLUSIONS_FILE).is_file():
            excluded, faults = read_exclusions_file(folder / EXCLUSIONS_FILE)
            violations += faults
            if excluded is not None:
                violations += _twice_declared(folder, excluded, self.routings.get(area.code))
                self.exclusions[area.code] = excluded
        return violations


def _refuse_no_rules(folder: Path) -> None:
    """Refuse a folder that cannot hold areas, with the one to name instead."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(folder)!r} here; name the folder of your areas with --rules"
        )
    if (folder / AREA_FILE).is_file():
        shown = folder.parent if folder.name else Path("..")
        raise NotADirectoryError(
            f"{str(folder)!r} is the folder of one area; give the folder above: --rules {shown}"
        )


def _no_area(folder: Path) -> Violation:
    place = tree.Place(str(folder), 1, 1, "")
    return place.violation(f"no area here; add a folder such as 110000 with its {AREA_FILE}")


def _is_area_folder(path: Path) -> bool:
    """Return whether a folder holds documents; `__pycache__` and its like do not."""
    return path.is_dir() and any(path.glob("*.y*ml"))


def _strays(folder: Path) -> list[Violation]:
    """Return a violation for every document that would be passed over in silence."""
    misplaced = "documents lie in the folder of their area; move the file"
    misnamed = "documents end in .yaml; rename the file"
    found = [(path, misplaced) for path in folder.glob("*.y*ml")]
    found += [(path, misnamed) for path in folder.glob("*/*.yml")]
    found += [(path, misplaced) for path in folder.glob("*/*/*.y*ml")]
    return [tree.Place(str(path), 1, 1, "").violation(fault) for path, fault in sorted(found)]


def _catalogue(area: Area) -> tuple[Catalogue | None, list[Violation]]:
    """Return the catalogue of an area, or None with every violation found."""
    if not area.catalogue.is_file():
        place = area.places["catalogue"]
        fault = f"there is no file {quoted(area.catalogue.name)} beside this one; add the catalogue"
        return None, [place.violation(fault)]
    try:
        return Catalogue.load(area.catalogue, area.lines), []
    except PolicyRejected as error:
        return None, list(error.violations)


def _twice_declared(
    folder: Path, exclusions: Exclusions, routing: Routing | None
) -> list[Violation]:
    """Return a violation for every kind of registration that both documents of an area declare."""
    place = tree.Place(str(folder / EXCLUSIONS_FILE), 1, 1, "registrations")
    return [
        place.violation(f"{quoted(name)} is declared in {ROUTING_FILE} too; rename one of the two")
        for name in exclusions.kinds
        if routing is not None and name in routing.kinds
    ]


def _without_ratios(
    policies: list[Policy], areas: dict[str, Area], catalogues: dict[str, Catalogue]
) -> list[Violation]:
    """Return a violation for every policy whose claims the catalogue could not split."""
    found = []
    for policy in policies:
        catalogue = catalogues.get(policy.pooling_area)
        own = policy.insurance_type
        column = areas[policy.pooling_area].pre_self_pay_as.get(own, own)
        if catalogue is not None and column not in catalogue.schemes:
            found.append(
                policy.places["insurance_type"].violation(
                    f"the catalogue has first-self-pay ratios for {', '.join(catalogue.schemes)} "
                    f"and none for {column}; add the column, or say in {AREA_FILE} with "
                    "`pre_self_pay_as` whose ratios it uses"
                )
            )
    return found


def read_area_folder(folder: Path) -> tuple[Area | None, list[Violation]]:
    """Return the area of a folder, or None with every violation found."""
    path = folder / AREA_FILE
    if not path.is_file():
        place = tree.Place(str(path), 1, 1, "")
        fault = f"the file is missing; a policy lies beside the {AREA_FILE} of its area, so add it"
        return None, [place.violation(fault)]
    document, violations = tree.read(path)
    return read_area(document, folder, violations)


def policy_files(folder: Path) -> Iterator[Path]:
    """Yield the rule documents of an area's folder in order of name."""
    for path in sorted(folder.glob("*.yaml")):
        if path.name not in _OTHER_FILES and not path.name.endswith(EXAMPLES_SUFFIX):
            yield path


def compile_file(path: Path, area: Area) -> tuple[CompiledPolicy | None, list[Violation]]:
    """Return the compiled policy of a document, or None with every violation found."""
    found, violations = compile_revisions(path, area, (), None)
    return (found[0] if found else None), violations


def compile_revisions(
    path: Path, area: Area, reforms: Sequence[Overlay], known_on: date | None
) -> tuple[list[CompiledPolicy], list[Violation]]:
    """Return the compiled policy of a document, none with every violation found.

    Where overlays change it there are more: it until the first one begins, then each reformed one.
    With `known_on` there is none where it begins later.
    """
    raw = path.read_bytes()
    document, violations = tree.parse(raw, str(path))
    area_bytes = (path.parent / AREA_FILE).read_bytes()
    sources = [sha256(area_bytes).digest(), raw]
    found: list[CompiledPolicy] = []
    for tree_of, raws in _revisions(document, reforms, violations):
        policy, faults = read_policy(tree_of, area, violations, known_on)
        if policy is None:
            return [], faults
        if known_on is not None and policy.in_force_from > known_on:
            continue
        digest = sha256(b"".join([*sources, *raws])).hexdigest()
        found.append(compile_policy(policy, area, digest[:DIGEST_CHARS]))
    return found, []


def _revisions(
    document: Map, reforms: Sequence[Overlay], violations: list[Violation]
) -> Iterator[tuple[Map, list[bytes]]]:
    """Yield the tree of a document, then reformed by each overlay, and the overlays' bytes.

    Each ends where the next one begins. Faults of merging are added to `violations`.
    """
    words = [entry.key.value for entry in document if canonical(entry.key.value) == "policy"]
    name = document.text(words[0]) if words else None
    raws: list[bytes] = []
    for overlay in reforms:
        if overlay.changes == name:
            yield ended(document, overlay), raws
            check = Checker()
            document = reformed(document, overlay, check)
            violations += check.violations
            raws = [*raws, overlay.raw]
    yield document, raws
