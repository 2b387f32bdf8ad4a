"""Say which pinned packages have a known weakness; `make audit` asks for all that a lock names.

    python engine/deployment/weaknesses.py requirements/dev.txt …

Weaknesses are known to the advisories of the package index, which pip-audit asks. The exit code is
0 where every package was asked for and none is weak, 1 where one is, and 3 where the advisories
could not be reached for some: then nothing is said of these.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEAK = 1
UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known of the packages of a lock: weaknesses, and names that were not asked for."""

    weaknesses: tuple[str, ...]
    unknown: tuple[str, ...]
    packages: int


def audit_of(told: Mapping[str, Any]) -> Audit:
    """Return what a report of pip-audit (`--format json`) says."""
    weaknesses, unknown = [], []
    for each in told["dependencies"]:
        if "skip_reason" in each:
            unknown.append(str(each["name"]))
        for weakness in each.get("vulns", ()):
            mended = ", ".join(weakness["fix_versions"]) or "no version yet"
            weaknesses.append(
                f"{each['name']} {each['version']}: {weakness['id']}, mended in {mended}"
            )
    return Audit(tuple(weaknesses), tuple(unknown), len(told["dependencies"]))


def asked(lock: Path) -> Audit:
    """Ask for the packages of a lock.

    Raises:
        ValueError: pip-audit gave no report, with what it said instead.
    """
    words = ["-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    words += ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    try:
        return audit_of(json.loads(done.stdout))
    except (ValueError, KeyError) as error:
        raise ValueError(f"{lock}: {done.stderr.strip() or done.stdout.strip()}") from error


def exit_code(audits: Sequence[Audit]) -> int:
    """Return what a program is told of all locks."""
    if any(each.weaknesses for each in audits):
        return WEAK
    return UNKNOWN if any(each.unknown for each in audits) else 0


def main(locks: Sequence[Path]) -> int:
    """Print what is known of each lock."""
    audits = []
    for lock in locks:
        try:
            audit = asked(lock)
        except ValueError as error:
            print(error)
            return UNKNOWN
        audits.append(audit)
        for line in audit.weaknesses:
            print(f"{lock}: {line}")
        known = audit.packages - len(audit.unknown)
        print(f"{lock}: {known} of {audit.packages} packages asked for")
    code = exit_code(audits)
    if code == UNKNOWN:
        print("the advisories could not be reached for some: nothing is known of these")
    return code


if __name__ == "__main__":
    sys.exit(main([Path(each) for each in sys.argv[1:]]))
