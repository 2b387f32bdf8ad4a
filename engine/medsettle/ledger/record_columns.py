"""The records of many settlements at once, by columns: the bytes that `encode_record` makes.

Of a policy's claims most of a record is the same: names, stages, and all that is nothing. It is
written once; what differs is made of whole columns and joined by Arrow (`core.json_columns`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.core.arrow_texts import bytes_of
from medsettle.core.claim_texts import ClaimTexts
from medsettle.core.json_columns import (
    Texts,
    at,
    joined,
    members,
    of_codes,
    of_numbers,
    of_value,
    within,
)
from medsettle.settle.assemble import CLASS_CODES, POT_COLUMNS
from medsettle.settle.claim_lines import pot_names
from medsettle.settle.settled_block import SettledBlock


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Claims of a block that are recorded, m of them.

    `positions` are theirs in the block, `settlements` their ids, `postings` what each moves.
    """

    block: SettledBlock
    texts: ClaimTexts
    positions: NDArray[np.int64]
    settlements: Sequence[str]
    postings: Sequence[bytes]


def encode_records(recording: Recording) -> list[bytes]:
    """Return the bytes of the record of each claim, as `records.encode_record` makes them."""
    block, texts = recording.block, recording.texts
    count = len(recording.positions)
    place = texts.place[block.work.rows[recording.positions]]
    places = None if count == len(texts.claims) else pa.array(place)
    ids = of_codes(pa.array(recording.settlements, pa.string()))
    numbers = _Numbers.of(block, recording.positions)
    named = {name: numbers.result(result) for name, result in block.forms.named}
    parts = [
        *('{"settlement":{', at(texts.facts, places), ","),
        *members(_settlement(recording, ids, numbers)),
        *('},"payers":', *_payers(block, ids, numbers)),
        *(',"lines":', *_lines(recording, ids, place, places)),
        *(',"amounts":{', *members(named)),
        *('},"relatives":[],"inputs":{', *members(numbers.given)),
        *('},"postings":', pa.array([told.decode() for told in recording.postings], pa.string())),
        *(',"claim":', at(texts.claims, places)),
        ',"warnings":[]}',
    ]
    return [bytes(record) for record in bytes_of(joined(parts, count))]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The amounts of settlements, the results and the inputs of their program, as texts.

    Results are by their number, for many names have one result.
    """

    numbers: Mapping[str, int]
    amounts: dict[str, Texts]
    results: dict[int, Texts]
    given: dict[str, Texts]

    @classmethod
    def of(cls, block: SettledBlock, positions: NDArray[np.int64]) -> "_Numbers":
        """Return those of the claims at some positions of a block."""
        forms, results = block.forms, block.work.results
        names = [name for _, name in forms.named]
        names += [name for _, own in forms.of_stages for name in own if name in results]
        wanted = list(dict.fromkeys(results.numbers[name] for name in names))
        amounts, given = block.amounts(), block.given()
        matrix = np.vstack([*amounts.values(), results.matrix[wanted], *given.values()])
        if len(positions) < matrix.shape[1]:
            matrix = matrix[:, positions]
        texts = iter(of_numbers(matrix))
        return cls(
            numbers=results.numbers,
            amounts={name: next(texts) for name in amounts},
            results={number: next(texts) for number in wanted},
            given={name: next(texts) for name in given},
        )

    def result(self, name: str) -> Texts:
        """Return a result, 0 where the program has none of that name."""
        number = self.numbers.get(name)
        return "0" if number is None else self.results[number]


def _settlement(recording: Recording, ids: Texts, numbers: _Numbers) -> dict[str, Texts]:
    """Return the columns of the settlements behind what they repeat of their claims."""
    block = recording.block
    digests = of_codes(pa.array(block.digests(recording.positions), pa.string()))
    same = {name: of_value(value) for name, value in block.same().items()}
    return {**same, "settlement": ids, "catalogue_digest": digests, **numbers.amounts}


def _payers(block: SettledBlock, ids: Texts, numbers: _Numbers) -> list[Texts]:
    forms = block.forms
    columns: dict[str, Texts | list[Texts]] = {
        name: of_value(value) for name, value in forms.stages.items()
    }
    columns["settlement"] = ids
    columns |= {name: [numbers.result(each) for each in own] for name, own in forms.of_stages}
    return _table(of_value(len(forms.policy.all_stages)), columns)


def _lines(
    recording: Recording, ids: Texts, place: NDArray[np.int64], places: pa.Array | None
) -> list[Texts]:
    block, texts = recording.block, recording.texts
    prepared, batch = block.assembler.prepared, block.assembler.batch
    counts = np.diff(texts.starts)[place]
    starts = np.concatenate(([0], np.cumsum(counts)))
    first = np.searchsorted(batch.line_claim, block.work.rows[recording.positions])
    own = np.repeat(first - starts[:-1], counts) + np.arange(starts[-1])
    classes = prepared.item_class[own]
    pots = prepared.pot[own]
    parts = prepared.parts[:, own]
    columns: dict[str, Texts | list[Texts]] = {
        "item_class": _coded(CLASS_CODES, classes, starts),
        "pot": _coded(pot_names(block.work.policy.area), pots, starts),
        "route": of_value(None),
        "amount_fen": at(texts.line_amounts, places),
    }
    split = zip(POT_COLUMNS, of_numbers(parts), parts, strict=True)
    columns |= {name: within(own, starts, fen) for name, own, fen in split}
    told = ['"seq":null,"settlement":', ids, ",", at(texts.line_codes, places), ","]
    (count,) = of_numbers(counts[None, :])
    return ['{"rows":', count, ',"columns":{', *told, *_members(columns), "}}"]


def _coded(names: Sequence[str], numbers: NDArray[np.int8], starts: NDArray[np.int64]) -> Texts:
    """Return the column of lines that have names by their numbers."""
    if (numbers == numbers[0]).all():
        return of_value(names[int(numbers[0])])
    quoted = pa.array([of_value(name) for name in names], pa.string())
    return within(quoted.take(pa.array(numbers)), starts, numbers)


def _table(count: str, columns: Mapping[str, Texts | list[Texts]]) -> list[Texts]:
    return [f'{{"rows":{count},"columns":{{', *_members(columns), "}}"]


def _members(columns: Mapping[str, Texts | list[Texts]]) -> list[Texts]:
    """Return the parts of members, lists of texts among them."""
    parts: list[Texts] = []
    for name, texts in columns.items():
        parts.append(f"{',' if parts else ''}{of_value(name)}:")
        if not isinstance(texts, list):
            parts.append(texts)
            continue
        listed = [part for each in texts for part in (",", each)]
        parts += ["[", *listed[1:], "]"]
    return parts
