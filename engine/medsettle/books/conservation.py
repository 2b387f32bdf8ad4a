"""Conservation, recomputed: does everything the ledger holds follow from its entries alone?

One pass over the entries in ledger order, page by page; moves go to a scratch database, so memory
stays the same however long the ledger is. The audit tables are compared segment by segment
(`medsettle.books.audited`). Nothing is repaired: what was found is said, with the entry concerned.
"""

from collections.abc import Iterator
from pathlib import Path

from medsettle import limits
from medsettle.books.audited import audit_discrepancies
from medsettle.books.discrepancies import Discrepancy
from medsettle.books.entry_laws import EntryLaws, named_key
from medsettle.books.fold import Fold
from medsettle.books.trial_balance import BooksReader, entries_with_moves
from medsettle.privacy.pseudonyms import Pseudonyms


def discrepancies(
    reader: BooksReader,
    audit: Path | None = None,
    *,
    scratch: Path | None = None,
    pseudonyms: Pseudonyms | None = None,
) -> Iterator[Discrepancy]:
    """Yield everything that is not what the entries of a ledger make it.

    Checked are the sequence of the entries; of each entry its record, its postings, its double
    entry, the shares of the bill, the original that it cancels and the parts that it links; of each
    counter its value and every value on the way; and the audit tables, row by row.

    Args:
        reader: The ledger. It may be written meanwhile: what comes later is not looked at, and
            counters are compared only where none came.
        audit: The folder of the audit tables; None leaves them out.
        scratch: A folder for the scratch database, see `Fold`.
        pseudonyms: The keys under which the audit tables have persons and cards; what has them
            under a key that is not among these is compared without them.

    Raises:
        LedgerUnavailable: The ledger cannot be read.
        AuditCorrupt: The manifest of the audit tables is damaged.
    """
    laws = EntryLaws(reader)
    with Fold(scratch) as fold:
        end = 0
        for recorded, posted in entries_with_moves(reader):
            if recorded.seq != end + 1:
                missing = Discrepancy(
                    "sequence", end + 1, "?", "the entry", "one of this place", "none"
                )
                yield missing
            end = recorded.seq
            checked = laws.checked(recorded, posted)
            yield from checked.found
            fold.add(recorded.seq, checked.moves)
        yield from _stray_postings(reader, end)
        yield from fold.discrepancies(reader, end)
    if audit is not None:
        yield from audit_discrepancies(reader, audit, pseudonyms)


def _stray_postings(reader: BooksReader, end: int) -> Iterator[Discrepancy]:
    """Yield the postings after the last entry that belong to no later one."""
    for seq, key, delta in reader.postings(end + 1, limits.INT64_MAX):
        later = reader.page(after_seq=seq - 1, limit=1)
        if not later or later[0].seq != seq:
            found = f"none, and a posting of {delta}"
            yield Discrepancy("sequence", seq, "?", named_key(key), "an entry that moves it", found)
