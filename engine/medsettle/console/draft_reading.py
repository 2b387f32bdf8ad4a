"""A draft of a rule document, read as if it stood among the rules of its area.

A draft is a policy, which takes the place of the one of its name or comes beside the others, or a
reform of a policy. It is checked by whatever checks the rules themselves: the folder of its area is
put together once more with the draft in it, for as long as it takes to read it.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import book as books
from medsettle.policy import tree
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.example_names import name_faults
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.remarks import remarks
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.tree import Map, Place, Text
from medsettle.policy.vocabulary import canonical, quoted, suggestion
from medsettle.settle.prove import proof_faults
from medsettle.settle.run import Settler

DOCUMENT: Final = "draft.yaml"
EXAMPLES: Final = "draft.examples.yaml"
"""What messages call the two, and as what they are kept."""


@dataclass(frozen=True, slots=True)
class Papers:
    """What somebody hands in; `instead_of` is the policy whose place it takes, empty for none."""

    document: bytes
    examples: bytes = b""
    catalogue: bytes = b""
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a draft says: all its faults, or what it makes of the rules.

    `policies` are those that the draft states, the first one first; `folder` is where it was read,
    which is gone and which nobody is shown.
    """

    violations: tuple[Violation, ...]
    remarks: tuple[Violation, ...] = ()
    area: str = ""
    book: RuleBook | None = None
    policies: tuple[CompiledPolicy, ...] = ()
    examples: tuple[Example, ...] = ()
    folder: str = ""

    @property
    def policy(self) -> CompiledPolicy:
        """The policy that it is about: the reformed one of a reform."""
        return self.policies[-1]

    def shown(self, text: str) -> str:
        """Return a text without the folder that is gone."""
        return text.replace(self.folder, "") if self.folder else text


@dataclass(frozen=True, slots=True)
class _About:
    """What a draft is about: its area, and whether it is a reform of a policy."""

    area: str
    name: str
    reform: bool


def read_papers(papers: Papers, rules: Path, base: RuleBook) -> Reading:
    """Return a draft read among the rules of a folder.

    Args:
        papers: What was handed in.
        rules: The folder of the rules in force.
        base: What that folder says.
    """
    document, violations = tree.parse(papers.document, DOCUMENT)
    if not document.readable:
        return Reading(tuple(violations))
    about, faults = _about(document, base)
    if about is None:
        return Reading((*violations, *faults))
    if papers.instead_of and (stranger := _stranger(papers, about, base)):
        return Reading((*violations, Place(DOCUMENT, 1, 1, "").violation(stranger)))
    with _among(papers, about, rules, base) as folder:
        return _read(papers, about, folder, base)


def proved(papers: Papers, rules: Path, base: RuleBook) -> list[tuple[Example, list[str]]]:
    """Return the examples of a faultless draft, each with what of it does not come out."""
    reading = read_papers(papers, rules, base)
    assert reading.book is not None
    about = _about(tree.parse(papers.document, DOCUMENT)[0], base)[0]
    assert about is not None
    settlers: dict[date | None, Settler] = {None: Settler(reading.book)}
    found = []
    for example in reading.examples:
        day = example.known_on
        if day not in settlers:
            with _among(papers, about, rules, base) as folder:
                settlers[day] = Settler(base.with_areas_of(_loaded(about, folder, day)))
        faults = proof_faults(settlers[day], example)
        found.append((example, [reading.shown(fault) for fault in faults]))
    return found


def _about(document: Map, base: RuleBook) -> tuple[_About | None, list[Violation]]:
    """Return what a document is about; None with a fault where nothing can be said of it."""
    texts = {canonical(entry.key.value): entry.value for entry in document}
    if "overlay" in texts:
        changed = texts.get("changes")
        name = changed.value if isinstance(changed, Text) else ""
        known = {each.policy.name: each.policy.pooling_area for each in base.policies}
        if name in known:
            return _About(known[name], name, reform=True), []
        place = changed.place if changed is not None else document.place
        hint = suggestion(name, known) if name else _("say with `changes` which one it reforms")
        return None, [place.violation(_("no policy is called %s") % quoted(name) + f"; {hint}")]
    stated, named = texts.get("pooling_area"), texts.get("policy")
    area = stated.value if isinstance(stated, Text) else ""
    if area in base.areas:
        return _About(area, named.value if isinstance(named, Text) else "", reform=False), []
    place = stated.place if stated is not None else Place(DOCUMENT, 1, 1, "")
    hint = suggestion(area, base.areas)
    words = _("the rules have no pooling area %s; a draft belongs to one that they have")
    return None, [place.violation(f"{words % quoted(area)}; {hint}")]


def is_reform(papers: Papers) -> bool:
    """Whether a draft is a reform of a policy, and not a policy itself."""
    document, _violations = tree.parse(papers.document, DOCUMENT)
    return any(canonical(entry.key.value) == "overlay" for entry in document)


def put_among(papers: Papers, base: RuleBook, rules: Path) -> None:
    """Put a draft of a policy into a copy of the rules, where it then stands as if in force.

    Args:
        papers: A draft without faults, which is no reform.
        base: What the rules say.
        rules: A copy of their folder, which is written into.
    """
    about = _about(tree.parse(papers.document, DOCUMENT)[0], base)[0]
    assert about is not None
    assert not about.reform
    _put(papers, about, rules, base)


def _put(papers: Papers, about: _About, folder: Path, base: RuleBook) -> None:
    """Write a draft into a folder of rules, in the place of what it replaces."""
    area, replaced = folder / about.area, papers.instead_of or about.name
    for each in base.policies if not about.reform else ():
        if each.policy.name == replaced and each.policy.pooling_area == about.area:
            (area / Path(each.policy.file).name).unlink(missing_ok=True)
    (folder if about.reform else area).joinpath(DOCUMENT).write_bytes(papers.document)
    if papers.examples:
        (area / EXAMPLES).write_bytes(papers.examples)
    if papers.catalogue:
        (area / base.areas[about.area].catalogue.name).write_bytes(papers.catalogue)


def _stranger(papers: Papers, about: _About, base: RuleBook) -> str:
    """Return why a draft cannot take the place of the policy it names; blank where it can."""
    name = quoted(papers.instead_of)
    if about.reform:
        said = _("a reform changes the policy that it names, and takes the place of none; leave %s")
        return said % name
    area = base.policy(papers.instead_of).policy.pooling_area
    if area == about.area:
        return ""
    said = _("%(name)s is a policy of area %(area)s; a draft takes the place of one of its own")
    return said % {"name": name, "area": area}


@contextmanager
def _among(papers: Papers, about: _About, rules: Path, base: RuleBook) -> Iterator[Path]:
    """Yield a folder that has the area of a draft as it would be with the draft in it."""
    with tempfile.TemporaryDirectory(prefix="draft-") as made:
        folder = Path(made)
        shutil.copytree(rules / about.area, folder / about.area)
        _put(papers, about, folder, base)
        yield folder


def _loaded(about: _About, folder: Path, known_on: date | None = None) -> RuleBook:
    overlays = [folder / DOCUMENT] if about.reform else []
    return books.load_rule_book(folder, overlays=overlays, known_on=known_on, only=[about.area])


def _read(papers: Papers, about: _About, folder: Path, base: RuleBook) -> Reading:
    examples, faults = _examples(about, folder, own=bool(papers.examples))
    try:
        own = _loaded(about, folder)
    except PolicyRejected as error:
        return Reading(_told([*error.violations, *faults], folder))
    policies = [each for each in own.policies if _is_of(each, about, folder)]
    mine = [each for each in examples if each.policy in {one.policy.name for one in policies}]
    faults += name_faults(mine, own.policies)
    if papers.examples and not faults:
        faults += _of_others(examples, policies)
    if faults:
        return Reading(_told(faults, folder))
    said = [each for each in remarks(own.policies) if Path(each.file).name == DOCUMENT]
    return Reading(
        (),
        _told(said, folder),
        about.area,
        base.with_areas_of(own),
        tuple(policies),
        tuple(mine),
        f"{folder}/",
    )


def _is_of(compiled: CompiledPolicy, about: _About, folder: Path) -> bool:
    """Whether a policy is what the draft states: its document, or what a reform makes of one."""
    policy = compiled.policy
    if about.reform:
        return policy.name != about.name and policy.name.startswith(f"{about.name}-")
    return Path(policy.file) == folder / about.area / DOCUMENT


def _examples(about: _About, folder: Path, *, own: bool) -> tuple[list[Example], list[Violation]]:
    """Return the examples that were handed in, else those that the area has already."""
    area = folder / about.area
    files = [area / EXAMPLES] if own else sorted(area.glob(f"*{books.EXAMPLES_SUFFIX}"))
    found: list[Example] = []
    faults: list[Violation] = []
    for file in files:
        examples, violations = read_examples(file)
        found += examples
        faults += violations if own else []
    return found, faults


def _of_others(examples: Sequence[Example], policies: Sequence[CompiledPolicy]) -> list[Violation]:
    """Return a fault for each example that is of no policy of the draft."""
    names = [each.policy.name for each in policies]
    return [
        each.place.violation(
            _("the draft has no policy %(policy)s; these examples are of %(names)s")
            % {"policy": quoted(each.policy), "names": ", ".join(map(quoted, names))}
        )
        for each in examples
        if each.policy not in names
    ]


def _told(violations: Sequence[Violation], folder: Path) -> tuple[Violation, ...]:
    """Return faults as whoever handed the draft in may read them: without our folder."""
    return tuple(
        replace(
            each,
            file=Path(each.file).name,
            message=each.message.replace(f"{folder}/", ""),
        )
        for each in dict.fromkeys(violations)
    )
