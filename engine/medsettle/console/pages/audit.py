"""Audit: the chain of segments, whether it follows the ledger, and verification on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.audit.following import check_follows
from medsettle.audit.manifest import Segment
from medsettle.audit.manifest_pages import (
    Placed,
    last_segment,
    segment_at,
    segment_with,
    segments_after,
    segments_before,
)
from medsettle.console.access import page
from medsettle.console.jobs import Kind
from medsettle.console.pages import access_log, audit_query, checkpoints, verifications
from medsettle.console.pages.job_acts import jobs
from medsettle.console.pages.positions import position
from medsettle.console.place import holdings
from medsettle.errors import AuditCorrupt, NotFound
from medsettle.identity.roles import Right

_RECENT: Final = 5


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the audit tables end, beside the ledger; and why they are not its own, if so."""

    last: Segment | None
    digest: str
    ledger_seq: int
    fault: str | None

    @property
    def behind(self) -> int:
        """How many entries of the ledger are not in the tables yet."""
        return max(0, self.ledger_seq - (self.last.last_seq if self.last else 0))


@page(Right.AUDIT)
def listed(request: HttpRequest) -> HttpResponse:
    """Show where the tables end and the segments, newest first; look up a digest that was noted."""
    chain = _chain()
    after, before = position(request, "after"), position(request, "before")
    part, newer, older, broken = _part(after, before)
    noted = request.GET.get("noted", "").strip().lower()
    context = {
        "title": _("Audit"),
        "chain": chain,
        "sealed": checkpoints.sealed_state(holdings().place.audit),
        "key": checkpoints.fingerprint(holdings().place.seal_public_key),
        "part": [_row(each) for each in part],
        "broken": broken,
        "newer": newer,
        "older": older,
        "noted": noted,
        "known": _noted(noted) if noted else None,
        "recent": jobs().listed(Kind.VERIFICATION)[:_RECENT],
        "statement": verifications.StatementForm(),
    }
    return render(request, "console/audit.html", context)


def _chain() -> Chain:
    """Return where the tables end; what is wrong with them is told, and not raised."""
    here = holdings()
    ledger_seq = here.reader.last_seq()
    last, digest = None, ""
    try:
        if (head := last_segment(here.place.audit)) is not None:
            last, digest = head.segment, head.digest
            check_follows(here.place.audit, [last], here.reader)
    except AuditCorrupt as error:
        return Chain(last, digest, ledger_seq, str(error))
    return Chain(last, digest, ledger_seq, None)


def _part(
    after: int | None, before: int | None
) -> tuple[Sequence[Placed], int | None, int | None, str | None]:
    """Return a part of the chain, the places of its neighbours, and why it cannot be read."""
    folder, size = holdings().place.audit, limits.CONSOLE_ROWS_SHOWN
    upwards = after is not None and before is None
    try:
        if upwards:
            assert after is not None
            found = segments_after(folder, after, size + 1)
            more, rows = len(found) > size, found[-size:]
        else:
            found = segments_before(folder, before, size + 1)
            more, rows = len(found) > size, found[:size]
    except AuditCorrupt as error:
        return [], None, None, str(error)
    if not rows:
        return [], None, None, None
    newer = rows[0].place if before is not None or (upwards and more) else None
    older = rows[-1].place if upwards or more else None
    return rows, newer, older, None


def _row(placed: Placed) -> dict[str, Any]:
    segment = placed.segment
    return {
        "place": placed.place,
        "segment": segment,
        "digest": placed.digest,
        "files": len(segment.files),
        "bytes": sum(file.bytes for file in segment.files),
    }


def _noted(digest: str) -> Segment | None:
    try:
        return segment_with(holdings().place.audit, digest)
    except AuditCorrupt:
        return None


@page(Right.AUDIT)
def shown(request: HttpRequest, place: int) -> HttpResponse:
    """Show one segment: its files with their digests, and what it is chained to."""
    folder = holdings().place.audit
    found = segment_at(folder, place)
    if found is None:
        raise NotFound(_("no segment begins at byte %d of the manifest") % place)
    context = {
        "title": _("Segment %d") % found.number,
        "segment": found,
        "digest": found.digest(),
    }
    return render(request, "console/segment.html", context)


urls = [
    path("", listed, name="audit"),
    path("segments/<place:place>/", shown, name="segment"),
    *verifications.urls,
    *access_log.urls,
    *audit_query.urls,
]
