"""Worked examples through a server: the same claims, over the wire, compared fen by fen."""

from dataclasses import dataclass
from hashlib import sha256

from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT
from medsettle.core.settlement import Opening, Row, Settlement
from medsettle.policy.checker import same_name
from medsettle.policy.examples import Example, Visit
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.prove import amount_called, amounts_of, opening_counters

# A request id of 36 characters holds this, a hyphen, `open-` and the number of a visit.
_TOKEN_CHARS_MAX = 24
_DIGEST_CHARS = 16
_DETAIL = "detail:"


@dataclass(frozen=True, slots=True)
class Told:
    """One expected amount of a case and what the server said; None where it has no such name."""

    amount: str
    expected_fen: int
    found_fen: int | None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One visit of a case: the claim as sent, the answer, and each amount that was expected."""

    example: Example
    claim: Row
    settlement: Settlement
    told: tuple[Told, ...]

    @property
    def holds(self) -> bool:
        """Whether every expected amount came out."""
        return all(each.expected_fen == each.found_fen for each in self.told)


def settle_case(client: Client, book: RuleBook, example: Example) -> list[CaseResult]:
    """Return the visits of an example settled at a server, for a person of its own.

    What the person brings along is recorded as an opening first. Amounts of single bands are no
    part of an answer, so expectations of them are left to `medsettle policy test`.
    """
    policy = book.policy(example.policy)
    results: list[CaseResult] = []
    for number, visit in enumerate(example.visits, 1):
        claim: Row = visit.claim | {
            "person": f"CASE-{_token(f'{example.policy}-{example.name}', 50)}",
            "request_id": f"{_token(example.name)}-{number}",
            "institution": f"H-{_token(example.policy, 40)}",
        }
        if visit.cancels is not None:
            settlement = _cancelled(client, results[visit.cancels - 1], claim)
        else:
            _open(client, book, example, visit, claim)
            settlement = client.preview(claim) if visit.preview else client.settle(claim)
        found = amounts_of(settlement)
        details = [name for name in policy.program.outputs if name.startswith(_DETAIL)]
        told = tuple(
            Told(name, expected, amount_called(found, name))
            for name, expected in visit.expect.items()
            if same_name(f"{_DETAIL}{name}", details) is None
        )
        results.append(CaseResult(example, claim, settlement, told))
    return results


def _cancelled(client: Client, original: CaseResult, claim: Row) -> Settlement:
    """Return the server's answer to a cancel, under the request id of the visit that asks it."""
    return client.cancel(
        str(original.settlement.columns["settlement"]),
        institution=str(claim["institution"]),
        request_id=str(claim["request_id"]),
    )


def _token(name: str, most: int = _TOKEN_CHARS_MAX) -> str:
    """Return a name of a document as part of a code: itself where it can be one, else a digest."""
    if len(name) <= most and name.isascii() and name.isprintable() and " " not in name:
        return name
    return sha256(name.encode()).hexdigest()[:_DIGEST_CHARS]


def _open(client: Client, book: RuleBook, example: Example, visit: Visit, claim: Row) -> None:
    counters = opening_counters(
        book, book.policy(example.policy), ClaimBatch.from_rows([claim]), visit
    )
    if not counters:
        return
    client.open_person(
        Opening(
            institution=str(claim["institution"]),
            request_id=f"open-{claim['request_id']}",
            pooling_area=str(claim["pooling_area"]),
            person=str(claim["person"]),
            account_fen=sum(fen for key, fen in counters.items() if key.counter == ACCOUNT),
            counters=tuple(
                (key.counter, key.period, value)
                for key, value in counters.items()
                if key.counter != ACCOUNT
            ),
        )
    )
