"""Seals and checkpoints on the audit page, and the place of what was altered."""

import random
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.audit import read_segments
from medsettle.audit.notes import cosigned
from medsettle.audit.sealing import Sealer
from medsettle.audit.seals import checkpoint_paths, read_checkpoint
from medsettle.console.jobs import Jobs, Kind, State

from tests.audit.tampering import change_cell
from tests.console.conftest import DAY
from tests.console.waiting import ended

if TYPE_CHECKING:
    from django.test import Client
    from medsettle.console.place import Holdings


def _text(content: bytes) -> str:
    """Return what of a page is read, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content.decode())).split())


def test_checkpoints_and_who_signed_them_are_listed(own: "tuple[Client, Holdings]") -> None:
    """With day, root and the moment of each cosignature; before there are any, that is told."""
    client, holdings = own
    audit = holdings.place.audit
    before = _text(client.get("/audit/").content)
    key, witness = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    with Sealer(audit) as sealer:
        sealer.seal_once()
        unsigned = _text(client.get("/audit/").content)
        (checkpoint,) = sealer.sign(key, "example.cn/log", DAY, to_the_end=True)
    (path,) = checkpoint_paths(audit)
    path.write_bytes(cosigned(read_checkpoint(path), "b.cn/w", witness, 1_774_000_000).content())
    said = _text(client.get("/audit/").content)

    assert "Nothing is sealed yet" in before
    assert "No checkpoint is signed" in unsigned
    assert checkpoint.root.hex() in said
    assert "example.cn/log" in said
    assert "b.cn/w · 2026-03-20 17:46:40" in said
    path.write_bytes(b"nothing")
    assert "has no empty line" in _text(client.get("/audit/").content)


@pytest.mark.slow
def test_an_altered_row_is_shown_with_its_place(own: "tuple[Client, Holdings]") -> None:
    """Kind, entry, settlement, table, row and column stand beside the words."""
    client, holdings = own
    audit = holdings.place.audit
    with Sealer(audit) as sealer:
        sealer.seal_once()
    file = next(each for each in read_segments(audit)[0].files if each.table == "settlements")
    expected = change_cell(audit, file, random.Random(3))
    client.post("/audit/verifications/begin/tables")
    job = Jobs(holdings.place, holdings.clock).listed(Kind.VERIFICATION)[0]

    assert State.FOUND is ended(job)
    said = _text(client.get(f"/audit/verifications/{job.name}/").content)
    place = expected.values
    assert f"row changed {place['seq']}" in said
    assert f"settlements {place['row']} {place['column']}" in said
