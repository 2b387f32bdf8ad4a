"""Read an `exclusions.yaml`: what is looked for before payment, cited, all faults at once."""

from hashlib import sha256
from pathlib import Path

from medsettle import limits
from medsettle.core.code_words import INSURANCE_TYPE_WORDS, VISIT_TYPE_WORDS
from medsettle.errors import Violation
from medsettle.policy import exclusion_keys as own
from medsettle.policy import keys, tree, values
from medsettle.policy.checker import Checker, canonical_name
from medsettle.policy.exclusions import (
    Action,
    Check,
    Exclusions,
    ExclusionVersion,
    Finds,
    HeldOn,
    Institutions,
    Span,
    TransferDay,
)
from medsettle.policy.model import Source
from medsettle.policy.read_facts import read_clause, read_codes, read_sources, read_start
from medsettle.policy.read_registrations import read_kinds
from medsettle.policy.registration_kinds import About, RegistrationKind
from medsettle.policy.routing_keys import CODE_PATTERN
from medsettle.policy.tree import Value
from medsettle.policy.vocabulary import quoted

EXCLUSIONS_FILE = "exclusions.yaml"
DIGEST_CHARS = 12

_E4 = 10_000


def read_exclusions_file(path: Path) -> tuple[Exclusions | None, list[Violation]]:
    """Return the exclusions of an `exclusions.yaml`, or None with every violation found.

    Args:
        path: The document, in the folder of its area.
    """
    raw = path.read_bytes()
    document, violations = tree.parse(raw, str(path))
    digest = sha256(raw).hexdigest()[:DIGEST_CHARS]
    reader = _Reader(violations)
    exclusions = reader.exclusions(document, path.parent.name, digest)
    found = sorted(reader.check.violations, key=lambda fault: (fault.line, fault.column))
    return (None if found else exclusions), found


class _Reader:
    """Reads one document; every check it reads is cited."""

    def __init__(self, violations: list[Violation]) -> None:
        self.check = Checker(violations)
        self._sources: dict[str, Source] = {}
        self._kinds: dict[str, RegistrationKind] = {}

    def exclusions(self, document: tree.Map, folder: str, digest: str) -> Exclusions:
        """Return the exclusions, with stand-ins where there are faults."""
        check = self.check
        parts = check.record(document, own.EXCLUSIONS)
        check.one_of(parts.get("format"), [keys.FORMAT])
        check.text(parts.get("note"))
        code = check.text(parts.get("area"))
        if code and code != folder:
            message = f"area {code} lies in the folder {quoted(folder)}; rename one"
            check.refuse(parts["area"].place, message)
        self._sources = read_sources(check, parts.get("sources"))
        self._kinds = read_kinds(check, parts.get("registrations"), own.KIND, self._clause)
        return Exclusions(folder, self._kinds, self._versions(parts.get("versions")), digest)

    def _clause(self, value: Value | None) -> str:
        return read_clause(self.check, value, self._sources)

    def _versions(self, value: Value | None) -> tuple[ExclusionVersion, ...]:
        found: list[ExclusionVersion] = []
        for item in self.check.items(value, "versions"):
            parts = self.check.record(item, own.VERSION)
            self.check.text(parts.get("note"))
            start = read_start(self.check, item, parts, [each.start for each in found])
            answers = self._answers(parts.get("liability"))
            checks: list[Check] = []
            for each in self.check.items(parts.get("checks"), "checks"):
                read = self._check(each, answers)
                if read is None:
                    continue
                if read.name and read.name in [other.name for other in checks]:
                    fault = f"{quoted(read.name)} is listed twice; rename one"
                    self.check.refuse(each.place, fault)
                checks.append(read)
            found.append(ExclusionVersion(start, answers, tuple(checks)))
        return tuple(found)

    def _answers(self, value: Value | None) -> dict[str, tuple[str, ...]]:
        """Return the codes of each answer; a code gives one answer only."""
        found: dict[str, tuple[str, ...]] = {}
        for name, place, body in self.check.named(value, "answers"):
            codes = read_codes(self.check, body, "codes", keys.STATED_PATTERN)
            for other, taken in found.items():
                for code in sorted(set(codes) & set(taken)):
                    fault = f"{quoted(code)} gives the answer {quoted(other)} already; keep one"
                    self.check.refuse(place, fault)
            found[name] = codes
        return found

    def _check(self, item: Value, answers: dict[str, tuple[str, ...]]) -> Check | None:
        """Return a check, None where it does not say what it looks for."""
        check = self.check
        parts = check.record(item, own.CHECK)
        check.text(parts.get("note"))
        name = check.text(parts.get("check"))
        if "check" in parts:
            check.check_name(name, parts["check"].place)
        remedy = check.record(parts.get("remedy"), own.REMEDY)
        word = check.one_of(parts.get("finds"), own.FINDS)
        if word is None:
            return None
        finds = Finds(word)
        self._refuse_unlike(item, parts, finds)
        return Check(
            name=name,
            finds=finds,
            action=check.choice(parts.get("action"), Action, Action.REFUSE),
            visit_types=self._visit_types(parts.get("visit_types")),
            insurance_types=self._insurance_types(parts.get("insurance_types"), finds),
            answers=check.known_all(parts.get("answers"), answers, "answer"),
            registration=self._registration(parts.get("registration"), finds),
            held_on=check.choice(parts.get("held_on"), HeldOn, HeldOn.SERVICE_DATE),
            institutions=check.choice(parts.get("institutions"), Institutions, Institutions.ANY),
            beside=self._visit_types(parts.get("beside")),
            transfer_day=check.choice(parts.get("transfer_day"), TransferDay, TransferDay.ALLOWED),
            period=check.choice(parts.get("period"), Span, Span.DAY),
            items=read_codes(check, parts.get("items"), "catalogue codes", CODE_PATTERN),
            except_items=read_codes(
                check, parts.get("except_items"), "catalogue codes", CODE_PATTERN
            ),
            most_e4=check.parsed(parts.get("at_most"), values.count, 0) * _E4,
            remedy_en=self._remedy(remedy.get("english")),
            remedy_zh=self._remedy(remedy.get("chinese")),
            clause=self._clause(parts.get("source")),
        )

    def _remedy(self, value: Value | None) -> str:
        text, most = self.check.text(value), limits.REMEDY_CHARS_MAX
        if value is not None and len(text) > most:
            self.check.refuse(value.place, f"{len(text)} characters, more than {most}; shorten it")
        return text

    def _refuse_unlike(self, item: Value, parts: dict[str, Value], finds: Finds) -> None:
        """Refuse what means nothing for what is looked for, and what it needs and does not have."""
        says = {key.name: key.english for key in own.CHECK}
        for word, part in parts.items():
            if word not in own.ALLOWED[finds]:
                self.check.refuse(part.place, f"`{word}` means nothing for {finds}; delete it")
        for word in own.NEEDED[finds]:
            if word not in parts:
                self.check.refuse_missing(item.place, word, says[word])

    def _visit_types(self, value: Value | None) -> tuple[str, ...]:
        return self.check.codes(value, "visit type", VISIT_TYPE_WORDS)

    def _insurance_types(self, value: Value | None, finds: Finds) -> tuple[str, ...]:
        found = self.check.codes(value, "insurance type", INSURANCE_TYPE_WORDS)
        if finds is Finds.DOUBLE_INSURANCE and len(found) == 1 and value is not None:
            self.check.refuse(value.place, "one insurance type is not double; name two or more")
        return found

    def _registration(self, value: Value | None, finds: Finds) -> str:
        name = self.check.known(value, self._kinds, "kind of registration")
        if name is None or value is None:
            return ""
        wanted = About.INSTITUTION if finds is Finds.SUSPENDED_INSTITUTION else About.PERSON
        about = self._kinds[name].about
        # A slip in the kind itself is told already.
        slip = canonical_name(f".{name}.about")
        told = any(canonical_name(each.key_path).endswith(slip) for each in self.check.violations)
        if about is not wanted and not told:
            message = f"{quoted(name)} is about the {about}, and {finds} asks for the {wanted}"
            self.check.refuse(value.place, message)
        return name
