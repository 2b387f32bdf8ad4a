"""Areas whose programs and rules are of different versions: what is kept, refused and told."""

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import orjson
from medsettle import errors
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.peers.config import PeerConfig, Role
from medsettle.peers.delivered import DELIVER
from medsettle.peers.greeting import Greeting
from medsettle.peers.handler import Caller
from medsettle.peers.station import rule_digests
from medsettle.policy.book import load_rule_book
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.torture.provinces_servers import HUB
from medsettle.torture.requests import Answer
from medsettle.v1 import peer_service_pb2 as peers

from tests.peers.moves import CARE, HOME, INSTITUTION, cancel, cancel_visit, settle, visit
from tests.peers.provinces import FOLDERS, rules_of
from tests.peers.simulated import Provinces, book_of
from tests.service.serving import Ticking

# Field 1,000, which no version knows.
_NEWER = b"\xc2\x3e\x03new"


def _says_more(world: Provinces) -> None:
    """Let the place of insurance answer and deliver as a newer program would."""
    home = world.nodes[HOME]
    answer, call = home.answer, home.links.call

    async def newer(method: str, body: bytes, caller: Caller) -> bytes:
        found = await answer(method, body, caller)
        return found if method in {"ReverseScoped", "FindScoped"} else found + _NEWER

    async def sent(
        method: str, to_area: str, body: bytes, *, seconds: float, hops: int = 0
    ) -> bytes:
        if method == DELIVER:
            request = peers.DeliverRecordsRequest.FromString(body)
            for each in request.records:
                name = each.WhichOneof("record")
                assert name is not None
                getattr(each, name).MergeFromString(_NEWER)
            body = request.SerializeToString()
        return await call(method, to_area, body, seconds=seconds, hops=hops)

    home.answer = newer  # type: ignore[method-assign]
    home.links.call = sent  # type: ignore[method-assign]


def _lacks(world: Provinces, *methods: str) -> None:
    """Let the hub be told that the place of insurance cannot do these things."""
    hub = world.nodes[HUB]
    call = hub.links.call

    async def sent(
        method: str, to_area: str, body: bytes, *, seconds: float, hops: int = 0
    ) -> bytes:
        if method in methods:
            raise errors.PeerTooOld("it is too old", area=to_area, method=method)
        return await call(method, to_area, body, seconds=seconds, hops=hops)

    hub.links.call = sent  # type: ignore[method-assign]


def _id(answer: Answer) -> str:
    told = answer.told
    if isinstance(told, Visit):
        return str(told.visit)
    assert isinstance(told, Settlement), answer
    return str(told.columns["settlement"])


def test_what_a_newer_area_says_is_kept_by_care_and_hub(world: Provinces) -> None:
    """Of settlements, visits, and what takes them back, byte for byte beside what is known."""
    _says_more(world)
    settled, visited = world.asked(settle("Q1")), world.asked(visit("V1"))
    back = [
        world.asked(cancel("C1", _id(settled))),
        world.asked(cancel_visit("C2", _id(visited))),
    ]
    world.heal()

    assert [] == world.open_cases()
    assert [] == world.faults()
    for name in (CARE, HUB):
        for answer in (settled, visited, *back):
            recorded = world.nodes[name].engine.ledger.settlement(_id(answer))
            assert recorded is not None
            kept = b64decode(orjson.loads(recorded.record)["as_sent"])
            assert _NEWER in kept
    for entry in world.entries(HOME):
        assert "as_sent" not in orjson.loads(entry.record)


def test_an_area_that_has_no_visits_yet(world: Provinces) -> None:
    """A visit is refused and may be sent again later; claims of one scheme go on meanwhile."""
    too_old = "PreviewScopedVisit", "SettleScopedVisit", "CancelScopedVisit"
    _lacks(world, *too_old)

    assert "PEER_TOO_OLD" == world.asked(visit("V1")).reason
    assert world.asked(settle("Q1")).done
    assert {"settle"} == {each.kind for name in (CARE, HOME) for each in world.entries(name)}
    assert not world.nodes[CARE].cases.unknowns()
    del world.nodes[HUB].links.call
    assert world.asked(visit("V1")).done
    world.heal()
    assert [] == world.faults()


def test_a_cancel_that_the_other_area_cannot_do(world: Provinces) -> None:
    """It was not sent, so it is not open, and it is done once the other area can."""
    visited = world.asked(visit("V1"))
    _lacks(world, "CancelScopedVisit")

    assert "PEER_TOO_OLD" == world.asked(cancel_visit("C1", _id(visited))).reason
    assert not world.nodes[CARE].cases.unknowns()
    del world.nodes[HUB].links.call
    assert world.asked(cancel_visit("C1", _id(visited))).done


def test_a_refusal_for_a_reason_that_is_not_known_here(world: Provinces) -> None:
    """It is told by its nearest class, recorded here, and the same again when asked again."""
    home = world.nodes[HOME]
    answer = home.answer

    async def rains(method: str, body: bytes, caller: Caller) -> bytes:
        if method == "SettleScoped":
            raise errors.Precondition("It rains.", reason="IT_RAINS", sky="grey")
        return await answer(method, body, caller)

    home.answer = rains  # type: ignore[method-assign]
    first = world.asked(settle("Q1"))
    home.answer = answer  # type: ignore[method-assign]

    assert (errors.Precondition.reason, "It rains.") == (first.reason, first.message)
    assert first == world.asked(settle("Q1"))
    found = world.nodes[CARE].engine.find_request(INSTITUTION, "Q1")
    assert found.refusal is not None
    assert {"reason": "IT_RAINS", "sky": "grey"} == found.refusal.metadata


def test_rules_of_another_version_are_told_on_both_sides(world: Provinces, tmp_path: Path) -> None:
    """A reload between two claims shows in the versions of the second, in all three books."""
    first = world.asked(settle("Q1", person="P1"))
    _reload(world.nodes[HOME].engine, tmp_path, HOME, _smaller_deductible)
    _reload(world.nodes[CARE].engine, tmp_path, CARE, _another_name)
    second = world.asked(settle("Q2", person="P2"))
    again = world.asked(settle("Q1", person="P1"))
    world.heal()

    assert [] == world.faults()
    one, two = first.told, second.told
    assert isinstance(one, Settlement)
    assert isinstance(two, Settlement)
    # 22,000 less 2,000, then less 1,000, at 65 %.
    assert (1_300_000, 1_365_000) == (one.fen("pooled_fund_fen"), two.fen("pooled_fund_fen"))
    for name in ("policy_digest", "catalogue_digest"):
        assert one.columns[name] != two.columns[name]
    assert first.facts() == again.facts()


def _smaller_deductible(folder: Path) -> None:
    path = folder / "employee-inpatient.yaml"
    text = path.read_text(encoding="utf-8")
    assert "level_3: 2000元" in text
    path.write_text(text.replace("level_3: 2000元", "level_3: 1000元"), encoding="utf-8")


def _another_name(folder: Path) -> None:
    path = folder / "catalogue.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("示例甲类药", "示例甲类药品"), encoding="utf-8")


def _reload(engine: Engine, to: Path, area: str, change: Callable[[Path], None]) -> None:
    folder = rules_of(to / f"rules-{area}", FOLDERS[area])
    change(folder / area)
    engine.replace_rules(load_rule_book(folder))


def test_digests_of_rules_are_told_as_they_are_now(tmp_path: Path) -> None:
    """A greeting after a reload has other digests: for a policy, and for a catalogue alone."""
    engine = Engine(book_of(HOME), MemoryLedger(), Ticking())
    config = PeerConfig("home", Role.AREAS, (HOME,), (), None)
    greeting = Greeting("1", ("settle",), lambda: rule_digests(engine.rulebook, config.areas))
    told = [dict(greeting.response(config).rule_digests)]
    again = dict(greeting.response(config).rule_digests)
    for number, change in enumerate((_smaller_deductible, _another_name)):
        _reload(engine, tmp_path / str(number), HOME, change)
        told.append(dict(greeting.response(config).rule_digests))

    assert told[0] == again
    assert [{HOME}] * 3 == [set(each) for each in told]
    assert 3 == len({each[HOME] for each in told})
    assert {"999999": rule_digests(engine.rulebook, ["999999"])["999999"]} == rule_digests(
        engine.rulebook, ["999999"]
    )
