"""What a batch came to becomes entries, one durable commit, and only then answers."""

from collections.abc import Mapping, Sequence

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine.answers import Answers
from medsettle.engine.block_entries import RecordedBlock, late_entries
from medsettle.engine.claim_entries import claim_entry, refused_claim_entry
from medsettle.engine.request_log import RequestLog
from medsettle.engine.requests import Triage
from medsettle.ledger.entries import Entry
from medsettle.ledger.records import placed
from medsettle.settle.settled import Settled
from medsettle.settle.settled_block import LateSettled


def recorded(
    log: RequestLog,
    claims: ClaimBatch,
    digests: Mapping[int, bytes],
    known: Triage,
    results: Mapping[int, Settled | Rejection],
) -> Sequence[Settlement | Rejection]:
    """Return the answer to each claim of a batch, after what is new is recorded.

    Args:
        log: Commits.
        claims: The batch.
        digests: The content digest of every claim without faults, by row.
        known: What was decided before.
        results: What every fresh claim came to, in the order in which they are recorded.
    """
    answers: dict[int, Settlement | Rejection] = {**claims.rejections, **known.answers}
    late = {row: each for row, each in results.items() if isinstance(each, LateSettled)}
    blocks = late_entries(claims, digests, late)
    entries: dict[int, Entry] = {row: entry for each in blocks for row, entry in each.by_row()}
    for row, result in results.items():
        if row in late:
            continue
        claim, digest = claims.rows[row], digests[row]
        if not isinstance(result, Rejection):
            entries[row], answers[row] = claim_entry(claim, digest, result)
            continue
        answers[row] = result
        if result.outcome.recorded:
            entries[row] = refused_claim_entry(claim, digest, result)
    of_blocks: list[RecordedBlock] = []
    if entries:
        order = [row for row in results if row in entries]
        first, moment = log.commit([entries[row] for row in order])
        seqs = {row: seq for seq, row in enumerate(order, first)}
        of_blocks = [each.recorded(seqs, moment) for each in blocks]
        for row, answer in answers.items():
            if row in seqs and isinstance(answer, Settlement):
                answers[row] = placed(answer, seqs[row], moment)
    told = Answers(len(claims), answers, of_blocks)
    for row, original in known.repeats.items():
        told.repeat(row, known.repeated(row, told[original]))
    return told if of_blocks else list(told)
