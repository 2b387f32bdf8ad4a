"""Checking that audit segments are what the manifest says they are."""

from collections.abc import Callable, Sequence
from hashlib import file_digest
from pathlib import Path

from medsettle.audit.manifest import (
    MANIFEST_NAME,
    NO_DIGEST,
    Head,
    Segment,
    SegmentFile,
    read_segments,
)
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.errors import AuditCorrupt


def verify(folder: Path, progress: Callable[[int, int], None] | None = None) -> Head:
    """Check the chain of the manifest and the hash of every file, and return where the log ends.

    Whoever noted the digest of an earlier head knows that history up to there is unchanged when it
    is found again among the segments; a log cut off at the end shows as a head that went back.

    Args:
        folder: The audit folder.
        progress: Is told how many segments are checked, of how many.

    Raises:
        AuditCorrupt: Something was changed or is missing; the first segment concerned is named.
    """
    segments = read_segments(folder)
    unlisted = unlisted_files(folder, segments)
    if unlisted and not (folder / MANIFEST_NAME).exists():
        raise AuditCorrupt(f"{folder / MANIFEST_NAME} is missing, but there are segments")
    for number, segment in enumerate(segments, 1):
        _check_files(folder, segment)
        if progress is not None:
            progress(number, len(segments))
    if not segments:
        return Head(0, 0, NO_DIGEST, unlisted)
    return Head(len(segments), segments[-1].last_seq, segments[-1].digest(), unlisted)


def unlisted_files(folder: Path, segments: Sequence[Segment]) -> tuple[str, ...]:
    """Return the Parquet files in the folders of tables that no segment names."""
    listed = {file.path for segment in segments for file in segment.files}
    present = (
        path.relative_to(folder).as_posix()
        for table in AUDIT_TABLES
        for path in folder.glob(f"{table}/**/*.parquet")
    )
    return tuple(sorted(path for path in present if path not in listed))


def _check_files(folder: Path, segment: Segment) -> None:
    for file in segment.files:
        if (fault := file_fault(folder, file)) is not None:
            raise _corrupt(segment, file.path, fault)


def file_fault(folder: Path, file: SegmentFile) -> str | None:
    """Return how a file differs from its line in the manifest; None where it does not."""
    try:
        with (folder / file.path).open("rb") as content:
            found = file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return "is missing"
    if found != file.sha256:
        return f"has SHA-256 {found}, recorded is {file.sha256}"
    return None


def _corrupt(segment: Segment, path: str, message: str) -> AuditCorrupt:
    return AuditCorrupt(
        f"{segment.named()}: {path} {message}", segment=str(segment.number), path=path
    )
