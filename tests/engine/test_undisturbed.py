"""Writes of several engines on one ledger: decided on what nobody else changes meanwhile."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.core.messages import Message
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Dissolution
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.errors import BalanceTooLow, InternalError, NotFound
from medsettle.ledger.entries import Entry, Overtaken
from medsettle.ledger.postgres import PostgresLedger

from tests.engine.engines import engine_on, rule_book, settle
from tests.engine.relatives import AREA, RULES, account, granted, opened, person, visit
from tests.service.claims import INSTITUTION
from tests.service.serving import Ticking
from tests.stores import postgres

_ENGINES = 3


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    """Yield engines on one ledger, each with connections of its own, as processes have them."""
    url = postgres().new_ledger()
    with ExitStack() as stack:
        ledgers = [stack.enter_context(PostgresLedger(url)) for _ in range(_ENGINES)]
        yield [Engine(rule_book(RULES), ledger, Ticking()) for ledger in ledgers]


def _at_once(engines: list[Engine], work: Callable[[int, Engine], None]) -> None:
    with ThreadPoolExecutor(len(engines)) as pool:
        for done in [pool.submit(work, *each) for each in enumerate(engines)]:
            done.result()


@pytest.mark.slow
def test_what_a_giver_has_is_given_once(engines: list[Engine]) -> None:
    """Grants, bills and dissolutions at several engines at once: no fen is made or lost.

    The account holds a third of what is asked for, so most grants race for the last fen.
    """
    first = engines[0]
    opened(first, "G", 30_000)

    def live(number: int, engine: Engine) -> None:
        """Give to two receivers in turn, let them pay, and end it now and then."""
        for turn in range(12):
            receiver = f"R{turn % 2}"
            with suppress(BalanceTooLow):
                granted(engine, "G", receiver, 2_500, f"G{number}-{turn}")
            bill = visit(number * 100 + turn, receiver, 1_000) | {"account_used": True}
            (answer,) = settle(engine, bill)
            assert isinstance(answer, Settlement), answer
            if turn % 5 == 4:
                sides = person("G"), person(receiver)
                request = Dissolution(INSTITUTION, f"D{number}-{turn}", *sides, "giver")
                with suppress(NotFound):
                    engine.relatives.dissolve(request)

    _at_once(engines, live)

    spent = 0
    for name in ("R0", "R1"):
        for each in first.page(pooling_area=AREA, person=name, limit=1_000):
            spent += each.fen("mutual_aid_fen")
    limits_left = sum(
        state.limit_fen
        for name in ("R0", "R1")
        for state in first.relatives.relations(person(name))
    )
    assert 30_000 == account(first, "G") + limits_left + spent
    assert spent > 0
    assert first.ledger.verify() is None  # type: ignore[attr-defined]


@pytest.mark.slow
def test_one_request_at_several_engines_is_answered_alike(engines: list[Engine]) -> None:
    """The same claims, sent to all engines at once in other orders, are settled once."""
    claims = [visit(number, f"P{number % 4}", 1_000 + number) for number in range(24)]
    found: list[dict[str, object]] = [{} for _ in engines]

    def send(number: int, engine: Engine) -> None:
        """Send every claim, beginning somewhere else."""
        for at in range(len(claims)):
            claim = claims[(at * (5, 7, 11)[number] + number) % len(claims)]
            (answer,) = settle(engine, claim)
            assert not isinstance(answer, Rejection), answer
            found[number][claim["request_id"]] = answer.columns

    _at_once(engines, send)

    assert found[0] == found[1] == found[2]
    assert len(claims) == engines[0].ledger.last_seq() == len(found[0])


@pytest.mark.both_stores
def test_a_write_is_decided_anew_so_often(tmp_path: Path) -> None:
    """The last attempt may still succeed; one more is a bug, and names what it was overtaken by."""
    with engine_on(tmp_path) as engine:
        for overtaken in (limits.WRITE_ATTEMPTS_MAX - 1, limits.WRITE_ATTEMPTS_MAX):
            attempts: list[int] = []

            def decide(attempts: list[int] = attempts, overtaken: int = overtaken) -> int:
                attempts.append(1)
                if len(attempts) <= overtaken:
                    raise Overtaken("entries_request_id")
                return len(attempts)

            if overtaken < limits.WRITE_ATTEMPTS_MAX:
                assert limits.WRITE_ATTEMPTS_MAX == engine.log.undisturbed(decide, [])
            else:
                with pytest.raises(InternalError, match="entries_request_id"):
                    engine.log.undisturbed(decide, [])


def test_whom_a_write_needs_is_kept_the_second_time(engines: list[Engine]) -> None:
    """A write that states nobody is decided twice, the second time with everybody locked."""
    engine = engines[0]
    opened(engine, "G", 1_000)
    looked: list[int] = []

    def decide() -> int:
        looked.append(account(engine, "G"))
        return engine.log.commit([opening])[0]

    opening = Entry(
        kind="opening",
        settlement="S1",
        original=None,
        institution=INSTITUTION,
        request_id="O1",
        institution_settlement=None,
        pooling_area=AREA,
        person="R",
        service_day=1,
        content_digest=bytes(32),
        record=b"{}",
    )
    assert 2 == engine.log.undisturbed(decide, [])
    assert [1_000, 1_000] == looked


@pytest.mark.parametrize("person", ["P", ""], ids=["of-persons", "of-nobody"])
def test_what_a_subject_decides_is_decided_one_after_another(
    engines: list[Engine], person: str
) -> None:
    """Messages about one subject number themselves without a gap, whomever they are about."""

    def tell(number: int, engine: Engine) -> None:
        """Send messages about a person of this engine's own; the subject alone is common."""

        def decide() -> dict[str, object]:
            return {"number": len(engine.messages.of(["E1"]).get("E1", ()))}

        whose = f"{person}{number}" if person else ""
        for turn in range(8):
            told = Message(INSTITUTION, f"M{number}-{turn}", AREA, whose, "2204", "E1", {})
            engine.messages.record(told, decide)

    _at_once(engines, tell)

    found = engines[0].messages.of(["E1"])["E1"]
    assert list(range(24)) == [each.answer["number"] for each in found]
    assert list(range(1, 25)) == [each.seq for each in found]
