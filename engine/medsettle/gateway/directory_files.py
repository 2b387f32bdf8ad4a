"""A directory of files that the bureau puts into a folder, and reads anew when told to.

    institutions.csv   persons.csv   enrolments.csv
    identities.csv   credentials.csv   filings.csv   filing_effects.csv

or `.parquet` of the same columns; `medsettle.gateway.directory_cells` says what they hold.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from medsettle import limits
from medsettle.errors import CredentialExpired, InstitutionUnknown, PersonDiffers, PersonUnknown
from medsettle.gateway import directory
from medsettle.gateway.directory import (
    Credential,
    Enrolment,
    FilingEffect,
    Identity,
    Institution,
    Person,
    Presented,
)
from medsettle.gateway.directory_store import files_of, read_store
from medsettle.gateway.filing import Filing

_Stamp = dict[str, tuple[str, int, int, int]]


class FileDirectory:
    """A `Directory` of files. What is refused on reading anew changes nothing."""

    def __init__(self, folder: Path) -> None:
        """Read a folder.

        Raises:
            InvalidRequest: Everything that is wrong with its files, each with file and line.
            OSError: A file cannot be read.
        """
        self._folder = folder
        self._stamp = self._stamped()
        self._store = read_store(folder)

    def reload(self) -> bool:
        """Read the files anew if one has changed; return whether one had.

        Raises:
            InvalidRequest: As for a new directory; the one read before stays in use.
            OSError: A file cannot be read; the same.
        """
        stamp = self._stamped()
        if stamp == self._stamp:
            return False
        # Whoever is looking something up keeps the old rows, which go with the last of them.
        self._store = read_store(self._folder)
        self._stamp = stamp
        return True

    def close(self) -> None:
        """Give back memory and disk."""
        self._store.close()

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each file, for operators."""
        return {name: self._store.count(name) for name in files_of(self._folder)}

    def institution(self, institution: str) -> Institution:
        """See `Directory.institution`."""
        found: Sequence[Institution] = self._store.records("institutions", institution)
        if not found:
            raise InstitutionUnknown(
                f"No institution {institution} is in the directory.", institution=institution
            )
        return found[0]

    def institutions_named(self, part: str, kind: str) -> Sequence[Institution]:
        """See `Directory.institutions_named`."""
        return self._store.institutions_named(part, kind, limits.INSTITUTIONS_FOUND_MAX)

    def filing_effects(self, pooling_area: str) -> Sequence[FilingEffect]:
        """See `Directory.filing_effects`."""
        return self._store.records("filing_effects", pooling_area)

    def person(self, person: str) -> Person:
        """See `Directory.person`."""
        found: Sequence[Person] = self._store.records("persons", person)
        if not found:
            raise PersonUnknown(f"No person {person} is in the directory.", person=person)
        return found[0]

    def certified(self, certificate_type: str, certificate: str) -> Person:
        """See `Directory.certified`."""
        number = directory.certificate_number(certificate)
        found: Sequence[Person] = self._store.records("persons", certificate_type, number, key=1)
        if not found:
            # The number is personal, and is not told back.
            raise PersonUnknown(
                f"Nobody in the directory has that certificate of type {certificate_type}.",
                certificate_type=certificate_type,
            )
        return found[0]

    def presenting(self, shown: Presented, moment: datetime) -> Person:
        """See `Directory.presenting`."""
        if shown.type == directory.IDENTITY_NUMBER:
            return self.certified(directory.RESIDENT_IDENTITY, shown.number)
        found: Sequence[Credential] = self._store.records("credentials", shown.type, shown.number)
        if not found:
            raise PersonUnknown(
                f"Nobody in the directory has that credential of type {shown.type}.",
                credential_type=shown.type,
            )
        (credential,) = found
        if shown.card and credential.card != shown.card:
            raise PersonDiffers("The card has another chip number.", person=credential.person)
        if credential.expires and credential.expires <= moment:
            raise CredentialExpired(
                f"The credential expired at {credential.expires.isoformat()}; scan it anew.",
                credential_type=shown.type,
            )
        return self.person(credential.person)

    def enrolments(self, person: str) -> Sequence[Enrolment]:
        """See `Directory.enrolments`."""
        return self._store.records("enrolments", person)

    def identities(self, person: str) -> Sequence[Identity]:
        """See `Directory.identities`."""
        return self._store.records("identities", person)

    def filings(self, person: str) -> Sequence[Filing]:
        """See `Directory.filings`."""
        return self._store.records("filings", person)

    def _stamped(self) -> _Stamp:
        found = {name: (path, path.stat()) for name, path in files_of(self._folder).items()}
        return {
            name: (path.name, stat.st_ino, stat.st_mtime_ns, stat.st_size)
            for name, (path, stat) in found.items()
        }
