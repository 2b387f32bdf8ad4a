"""The write path in order: claims in, recorded settlements out.

1. Faulty claims are rejected, each with all its faults.
2. Request ids already recorded are answered from the record, refusals too; the same id with other
   content, or a second request for the same institution settlement, is refused.
3. The card presented is judged by its state at the time of service and the invalid lists.
4. What the document of an area looks for before payment is looked for (`engine.exclusions`).
5. Codes, policies, lines and pots are worked out, counters and balances read, and the waterfall
   runs, claims of one person in order (`settle.run`).
6. One durable commit, of what was settled and of what was refused; only then are there answers.

An engine belongs to one thread: the ledger has one writer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.making import Made, Making
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Granted, Person
from medsettle.core.request_states import RequestState, Reversal
from medsettle.core.settlement import (
    Explanation,
    LineTerm,
    Opening,
    PersonState,
    PolicySummary,
    Row,
    Settlement,
)
from medsettle.engine.adjustments import Adjustments
from medsettle.engine.attempts import Attempts
from medsettle.engine.cancels import Cancels
from medsettle.engine.card_desk import CardDesk
from medsettle.engine.concerned import concerned
from medsettle.engine.enquiries import Enquiries
from medsettle.engine.exclusions import Exclusions, Suspicions
from medsettle.engine.explaining import Explainer
from medsettle.engine.hindsight import Hindsight
from medsettle.engine.institution_days import InstitutionDays
from medsettle.engine.made_claims import settle_made
from medsettle.engine.made_offline import untrue
from medsettle.engine.messages import Messages
from medsettle.engine.openings import open_person
from medsettle.engine.reading import (
    Filters,
    person_state,
    recorded_claim,
    recorded_settlement,
    settlement_page,
)
from medsettle.engine.recording import recorded
from medsettle.engine.registrations import Registrations
from medsettle.engine.relatives import Relatives, limits_before
from medsettle.engine.request_log import RequestLog
from medsettle.engine.requests import Triage, claim_digests, from_record, triage
from medsettle.engine.reversals import Reversals
from medsettle.engine.statements import Statements
from medsettle.engine.summaries import policy_summaries
from medsettle.engine.visits import Visits
from medsettle.ledger.entries import Ledger
from medsettle.ledger.records import decode_settlement
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.explain import explain_cancel
from medsettle.settle.line_terms import line_terms
from medsettle.settle.run import Settler
from medsettle.settle.settled import Settled


@dataclass
class Engine:
    """Settles claims by a rule book against a ledger.

    `clock` returns the present moment with a time zone; it dates records and decides no rule.
    """

    rulebook: RuleBook
    ledger: Ledger
    clock: Callable[[], datetime]
    log: RequestLog = field(init=False)
    settler: Settler = field(init=False)
    cancels: Cancels = field(init=False)
    adjustments: Adjustments = field(init=False)
    reversals: Reversals = field(init=False)
    registrations: Registrations = field(init=False)
    relatives: Relatives = field(init=False)
    messages: Messages = field(init=False)
    cards: CardDesk = field(init=False)
    exclusions: Exclusions = field(init=False)
    visits: Visits = field(init=False)
    statements: Statements = field(init=False)
    enquiries: Enquiries = field(init=False)
    hindsight: Hindsight = field(init=False)
    attempts: Attempts = field(init=False)
    days: InstitutionDays = field(init=False)
    _explainer: Explainer = field(init=False)

    def __post_init__(self) -> None:
        """Make what works by the rule book, and what reads the ledger alone."""
        self.statements = Statements(self.ledger)
        self.attempts = Attempts(self.ledger)
        self.days = InstitutionDays(self.ledger)
        self._explainer = Explainer(self.rulebook)
        self.log = RequestLog(self.ledger, self.clock)
        self.cancels = Cancels(self.ledger, self.log)
        self.adjustments = Adjustments(self.ledger, self.log)
        self.messages = Messages(self.ledger, self.log)
        self.cards = CardDesk(self.rulebook, self.ledger, self.log)
        self._use(self.rulebook)

    def _use(self, rulebook: RuleBook) -> None:
        self.rulebook = rulebook
        self.settler = Settler(rulebook)
        self.registrations = Registrations(rulebook, self.ledger, self.log, self.cards.judged)
        self.relatives = Relatives(rulebook, self.ledger, self.log)
        self.exclusions = Exclusions(rulebook, self.ledger, self.registrations, self.cards.judged)
        self.visits = Visits(
            rulebook,
            self.ledger,
            self._run,
            self.registrations.held,
            self.exclusions.warnings,
            self.log,
        )
        self.reversals = Reversals(self.ledger, self.log, self.cancels, self.visits)
        self.enquiries = Enquiries(self)
        self.hindsight = Hindsight(self.ledger, self.settler)

    def replace_rules(self, rulebook: RuleBook) -> None:
        """Settle by another rule book from the next call on.

        Policies that go stay known for explanations of what they settled, until the engine ends.
        """
        self._explainer.replace_rules(rulebook)
        self._use(rulebook)
        self.cards.replace_rules(rulebook)

    # --- settling --------------------------------------------------------------------------

    def preview(self, claims: ClaimBatch) -> list[Settlement | Rejection]:
        """Return what each claim would be settled to, in order; nothing is recorded.

        An amount that the policy cannot decide is answered with a notice. Claims of one person see
        one another, as they would when settled together.
        """
        seen = self._seen(claims)
        return [each.settlement if isinstance(each, Settled) else each for each in seen]

    def preview_explained(
        self, claims: ClaimBatch, *, alone: bool = False
    ) -> list[tuple[Settlement, Explanation] | Rejection]:
        """Return what `preview` does, each with the explanation it would have once settled.

        With `alone`, an explanation tells nothing of what stood there before the claim.

        Raises:
            InternalError: Shares do not add up, or the explanation says another amount.
        """
        return self._explainer.previewed(self._seen(claims), alone=alone)

    def _seen(self, claims: ClaimBatch) -> list[Settled | Rejection]:
        rows = [row for row in range(len(claims)) if row not in claims.rejections]
        suspicions = self.exclusions.of(claims, rows)
        results = self._run(claims, rows, {}, suspicions, refuse_gaps=False)
        answers = claims.rejections | results
        return [answers[row] for row in range(len(claims))]

    def line_terms(self, claims: ClaimBatch) -> list[tuple[LineTerm, ...] | Rejection]:
        """Return by what each line of each claim would be split now; nothing is recorded.

        Neither cards nor what is found before payment is asked: only codes, catalogue and counters.
        """
        return line_terms(self.settler.preparer, claims, self.ledger.counters)

    def settle(self, claims: ClaimBatch) -> Sequence[Settlement | Rejection]:
        """Return what each claim was settled to, in order, after one durable commit.

        Raises:
            LedgerUnavailable: Nothing was recorded.
            InternalError: A bug of ours; nothing was recorded.
        """
        digests = claim_digests("settle", claims)
        holders, reading = concerned(claims, digests, self.rulebook)
        return self.log.undisturbed(lambda: self._settle(claims, digests), holders, reading)

    def settle_made(self, makings: Sequence[Making]) -> list[Made]:
        """Settle claims that are made inside the write; see `engine.made_claims.settle_made`."""
        return settle_made(self.log, self.rulebook, self._settle, makings)

    def _settle(
        self, claims: ClaimBatch, digests: Mapping[int, bytes]
    ) -> Sequence[Settlement | Rejection]:
        """Return what each claim was settled to; `digests` has those without faults, by row."""
        known = triage(self.ledger, claims, digests)
        results = self._results(claims, known)
        return recorded(self.log, claims, digests, known, results)

    def _results(self, claims: ClaimBatch, known: Triage) -> dict[int, Settled | Rejection]:
        """Return the result of every fresh claim, in row order; nothing is recorded yet."""
        results: dict[int, Settled | Rejection] = {}
        moved: Counter[CounterKey] = Counter()
        suspicions = self.exclusions.of(claims, known.fresh)
        while part := known.next_part():
            found = self._run(claims, part, moved, suspicions, refuse_gaps=True)
            for each in found.values():
                for key, delta in each.moved if isinstance(each, Settled) else ():
                    moved[key] += delta
            known.decided(found)
            results |= {row: found[row] for row in part}
        return results

    def _run(
        self,
        claims: ClaimBatch,
        rows: Sequence[int],
        moved: Mapping[CounterKey, int],
        suspicions: Suspicions | None = None,
        *,
        refuse_gaps: bool,
    ) -> dict[int, Settled | Rejection]:
        """Return the result of each claim at `rows`: card, suspicions, then the settlement.

        Args:
            claims: The batch.
            rows: Positions, rising.
            moved: What claims before moved and is not recorded yet.
            suspicions: What is known beside the claims; None where that was looked at before.
            refuse_gaps: Whether an amount that the policy cannot decide rejects its claim.
        """

        def counters(keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
            held = self.ledger.counters(keys)
            return {key: held.get(key, 0) + moved.get(key, 0) for key in keys} if moved else held

        def granted(persons: Sequence[Person]) -> dict[Person, list[Granted]]:
            return limits_before(self.ledger, persons, moved)

        judged = self.cards.judged_of(claims, rows)
        refused = {row: each for row, each in judged.items() if isinstance(each, Rejection)}
        refused |= untrue(claims, rows, self.now)
        left = [row for row in rows if row not in refused]

        def run(part: list[int]) -> dict[int, Settled | Rejection]:
            return self.settler.run(
                claims, part, counters, refuse_gaps=refuse_gaps, limits_of=granted
            )

        results = run(left) if suspicions is None else suspicions.settle(left, run)
        for row, result in results.items():
            gained = judged.get(row)
            if gained and isinstance(result, Settled) and not isinstance(gained, Rejection):
                # In place: a copy costs more than the look-up, and nobody else has it yet.
                result.settlement.columns.update(gained)
                results[row] = result.told(result.settlement)
        return refused | results

    def now(self) -> datetime:
        """Return the present moment in UTC, by the clock of the engine."""
        return self.log.now()

    # --- cancelling ------------------------------------------------------------------------

    def cancel(self, institution: str, request_id: str, settlement: str) -> Settlement:
        """Return the negative settlement that takes one back and restores its counters.

        Later settlements of the person stay as they are.

        Raises:
            InvalidRequest: Institution or request id are no codes.
            NotFound: No settlement of this institution has that id.
            AlreadyCancelled: It was cancelled before, under another request id.
            PartOfVisit: It is one of a visit, which is cancelled as a whole.
            AccountSpent: What it put into the account has been spent, or set aside, since.
            RequestIdReused: The request id was used before for something else.
            LedgerUnavailable: Nothing was recorded.
        """
        return self.cancels.cancel(institution, request_id, settlement)

    def reverse(self, institution: str, original_request_id: str, request_id: str) -> Reversal:
        """Take back whatever a request recorded, or let it never settle where it recorded nothing.

        A settlement or a visit is taken back as by a cancel. Where nothing is recorded, the request
        is refused should it arrive later. What was taken back or refused before is answered as it
        is; a reversal may be sent again, under the same or another id.

        Args:
            institution: Who sent the original.
            original_request_id: The request id of the original.
            request_id: A new id of the institution, which the negative record has.

        Raises:
            InvalidRequest: The three are no codes, or the two ids are the same.
            NotReversible: The original is neither a settlement nor a visit.
            PartOfVisit: It is one settlement of a visit; reverse the request of the visit.
            AccountSpent: What it put into the account has been spent, or set aside, since.
            RequestIdReused: `request_id` was used before for something else.
            LedgerUnavailable: Nothing was recorded.
        """
        return self.reversals.reverse(institution, original_request_id, request_id)

    def find_request(self, institution: str, request_id: str) -> RequestState:
        """Return what became of the request of an institution with an id.

        Raises:
            InvalidRequest: Institution or request id are no codes.
        """
        return self.reversals.find(institution, request_id)

    # --- reading ---------------------------------------------------------------------------

    def get(self, settlement: str) -> Settlement:
        """Return a recorded settlement or cancel.

        Raises:
            NotFound: Nothing is recorded under that id.
        """
        return from_record(self.ledger, recorded_settlement(self.ledger, settlement))

    def claim(self, settlement: str) -> Row:
        """Return the claim behind a settlement or cancel as it was sent, dates as texts.

        Raises:
            NotFound: Nothing is recorded under that id.
        """
        return recorded_claim(self.ledger, settlement)

    def page(
        self,
        *,
        pooling_area: str | None = None,
        institution: str | None = None,
        person: str | None = None,
        after_seq: int = 0,
        limit: int = limits.PAGE_SIZE_DEFAULT,
    ) -> list[Settlement]:
        """Return settlements and cancels in ledger order, after a sequence number."""
        filters = Filters(pooling_area, institution, person)
        return settlement_page(self.ledger, after_seq, limit, filters)

    def explain(self, settlement: str) -> Explanation:
        """Return every fen of a settlement with its clause, from the recorded inputs.

        A cancel is explained as its original, with every amount negative.

        Raises:
            NotFound: Nothing is recorded under that id.
            PolicyNotFound: The policy is not loaded, or only a revision of it that would settle
                this otherwise.
            InternalError: Settling again gives other amounts than the record, or a cancel others
                than its original.
        """
        recorded = recorded_settlement(self.ledger, settlement)
        if recorded.kind == "cancel":
            assert recorded.original is not None
            original = self.get(recorded.original)
            return explain_cancel(
                self.explain(recorded.original), original, decode_settlement(recorded)
            )
        return self._explainer.recorded(recorded)

    def policies(self) -> list[PolicySummary]:
        """Return a summary of every loaded policy."""
        return policy_summaries(self.rulebook)

    # --- persons ---------------------------------------------------------------------------

    def open_person(self, opening: Opening) -> PersonState:
        """Add what a person brings along to the account and counters, once per request id.

        Raises:
            InvalidRequest: A counter is unknown, a value is out of range.
            RequestIdReused: The request id was used before with other content.
            LedgerUnavailable: Nothing was recorded.
        """
        return open_person(self.rulebook, self.log, opening, self.person)

    def person(self, pooling_area: str, person: str) -> PersonState:
        """Return account balance and counters of a person; zeros for one never seen."""
        return person_state(self.ledger, pooling_area, person)
