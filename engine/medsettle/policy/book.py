"""The rule book: every area, catalogue and policy of a folder, checked and compiled.

A folder holds one folder for each pooling area, named by its six digits, with `area.yaml`, the
catalogue it names, and one document for each policy. Worked examples lie beside the policies as
`*.examples.yaml` and are read by `medsettle.policy.examples`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from medsettle.errors import PolicyNotFound, PolicyRejected, Violation
from medsettle.policy import tree
from medsettle.policy.area import Area, read_area
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.model import Policy
from medsettle.policy.read_policy import read_policy

AREA_FILE = "area.yaml"
EXAMPLES_SUFFIX = ".examples.yaml"
DIGEST_CHARS = 12


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything that decides who pays: read-only, and identified by the digests of its sources."""

    areas: dict[str, Area]
    catalogues: dict[str, Catalogue]
    policies: tuple[CompiledPolicy, ...]

    def candidates(
        self, pooling_area: str, insurance_type: str, visit_type: str
    ) -> list[CompiledPolicy]:
        """Return the policies for an area, insurance type and visit type, earliest first."""
        found = [
            compiled
            for compiled in self.policies
            if compiled.policy.pooling_area == pooling_area
            and compiled.policy.insurance_type == insurance_type
            and visit_type in compiled.policy.visit_types
        ]
        return sorted(found, key=lambda compiled: compiled.policy.in_force_from)

    def policy(self, name: str) -> CompiledPolicy:
        """Return a policy by its name.

        Raises:
            PolicyNotFound: No policy has that name.
        """
        for compiled in self.policies:
            if compiled.policy.name == name:
                return compiled
        names = ", ".join(compiled.policy.name for compiled in self.policies)
        raise PolicyNotFound(f"no policy is called {name!r}; loaded are: {names}", policy=name)


def load_rule_book(folder: Path) -> RuleBook:
    """Return the rule book of a folder.

    Raises:
        PolicyRejected: Some document has faults; all faults of all documents are listed.
        OSError: The folder or a file cannot be read.
    """
    areas: dict[str, Area] = {}
    catalogues: dict[str, Catalogue] = {}
    policies: list[CompiledPolicy] = []
    violations: list[Violation] = []
    folders = sorted(path.parent for path in folder.glob(f"*/{AREA_FILE}"))
    if not folders:
        place = tree.Place(str(folder), 1, 1, "")
        raise PolicyRejected(
            [place.violation(f"no area here; expected folders such as 110000 with {AREA_FILE}")]
        )
    for area_folder in folders:
        area, faults = read_area_folder(area_folder)
        violations += faults
        if area is None:
            continue
        areas[area.code] = area
        try:
            catalogues[area.code] = Catalogue.load(area.catalogue, area.special_pots)
        except PolicyRejected as error:
            violations += error.violations
        for path in policy_files(area_folder):
            compiled, faults = compile_file(path, area)
            violations += faults
            policies += [compiled] if compiled else []
    violations += _conflicts([compiled.policy for compiled in policies])
    if violations:
        raise PolicyRejected(violations)
    return RuleBook(areas, catalogues, tuple(policies))


def read_area_folder(folder: Path) -> tuple[Area | None, list[Violation]]:
    """Return the area of a folder, or None with every violation found."""
    path = folder / AREA_FILE
    if not path.is_file():
        place = tree.Place(str(path), 1, 1, "")
        return None, [place.violation(f"missing; a policy lies beside the {AREA_FILE} of its area")]
    document, violations = tree.read(path)
    return read_area(document, folder, violations)


def policy_files(folder: Path) -> Iterator[Path]:
    """Yield the rule documents of an area's folder in order of name."""
    for path in sorted(folder.glob("*.yaml")):
        if path.name != AREA_FILE and not path.name.endswith(EXAMPLES_SUFFIX):
            yield path


def compile_file(path: Path, area: Area) -> tuple[CompiledPolicy | None, list[Violation]]:
    """Return the compiled policy of a document, or None with every violation found."""
    document, faults = tree.read(path)
    policy, violations = read_policy(document, area, faults)
    if policy is None:
        return None, violations
    area_bytes = (path.parent / AREA_FILE).read_bytes()
    digest = sha256(sha256(area_bytes).digest() + path.read_bytes()).hexdigest()
    return compile_policy(policy, area, digest[:DIGEST_CHARS]), []


def _conflicts(policies: list[Policy]) -> list[Violation]:
    """Return a violation for every pair that would both decide the same claim."""
    found = []
    for index, policy in enumerate(policies):
        for other in policies[:index]:
            same_scheme = (policy.pooling_area, policy.insurance_type) == (
                other.pooling_area,
                other.insurance_type,
            )
            if policy.name == other.name:
                place = tree.Place(policy.file, 1, 1, "policy")
                found.append(
                    place.violation(f"{policy.name!r} is also the name of {other.file}; rename one")
                )
            if same_scheme:
                found += [*_overlap(policy, other), *_counter_conflicts(policy, other)]
    return found


def _overlap(policy: Policy, other: Policy) -> list[Violation]:
    shared = sorted(set(policy.visit_types) & set(other.visit_types))
    ends_before = policy.in_force_until is not None and (
        policy.in_force_until <= other.in_force_from
    )
    begins_after = other.in_force_until is not None and (
        other.in_force_until <= policy.in_force_from
    )
    if not shared or ends_before or begins_after:
        return []
    place = tree.Place(policy.file, 1, 1, "visit_types")
    kinds = ", ".join(shared)
    return [
        place.violation(
            f"visit type {kinds} is also decided by {other.file} at the same time; "
            "give one of them an end or take the visit type out"
        )
    ]


def _counter_conflicts(policy: Policy, other: Policy) -> list[Violation]:
    found = []
    for name in set(policy.counters) & set(other.counters):
        mine, theirs = policy.counters[name], other.counters[name]
        if mine.period is not theirs.period:
            found.append(
                mine.place.violation(
                    f"counter {name!r} counts per {mine.period} here and per {theirs.period} in "
                    f"{other.file}; a shared counter has one period"
                )
            )
    return sorted(found, key=str)
