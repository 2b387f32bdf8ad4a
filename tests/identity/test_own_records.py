"""An institution sees and settles its own; of what is another's it learns nothing."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from medsettle.client import Client
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Settlement
from medsettle.core.visits import institution_holder
from medsettle.engine import Engine
from medsettle.engine.visits import Visits
from medsettle.errors import InvalidRequest, NotFound, NotPermitted, SettlementError
from medsettle.identity.roles import Role
from medsettle.identity.strangers import stranger_to

from tests.identity.known import AREA, H1, H2, Known, known, token
from tests.service.claims import claim

_NONE = f"{AREA}{'0' * 20}"


def _claim(number: int, institution: str = H1) -> dict[str, object]:
    return claim(number, institution=institution)


def _id(settlement: Settlement) -> str:
    return str(settlement.columns["settlement"])


@pytest.fixture
def theirs(server: Known) -> str:
    """Return the id of a settlement of the other institution."""
    return _id(server.by_certificate(H2).settle(_claim(1, H2)))


def _refusal(work: Callable[[], object]) -> SettlementError:
    with pytest.raises(SettlementError) as refused:
        work()
    return refused.value


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client, id_: client.get(id_), id="get"),
        pytest.param(lambda client, id_: client.explain(id_), id="explain"),
        pytest.param(lambda client, id_: client.visits.get(id_), id="visit"),
        pytest.param(
            lambda client, id_: client.cancel(id_, institution=H1, request_id=f"C{id_[-1]}"),
            id="cancel",
        ),
        pytest.param(
            lambda client, id_: client.visits.cancel(id_, institution=H1, request_id=f"V{id_[-1]}"),
            id="cancel-visit",
        ),
    ],
)
def test_another_s_record_is_as_little_there_as_none(
    server: Known, theirs: str, ask: Callable[[Client, str], object]
) -> None:
    """Same class, same words, same metadata, the id apart that was asked for."""
    client = server.by_certificate(H1)
    found = _refusal(lambda: ask(client, theirs))
    none = _refusal(lambda: ask(client, _NONE))

    assert NotFound is type(found) is type(none)
    assert str(none) == str(found).replace(theirs, _NONE)
    assert none.metadata == {
        key: value.replace(theirs, _NONE) for key, value in found.metadata.items()
    }


def test_one_s_own_record_is_there(server: Known, theirs: str) -> None:
    """So the tests above fail for what is another's alone."""
    assert theirs == _id(server.by_certificate(H2).get(theirs))
    assert theirs == _id(server.by_certificate("auditor").get(theirs))
    assert theirs == _id(server.by_certificate("clearing-here").get(theirs))


def test_who_works_for_one_area_sees_no_other(server: Known, theirs: str) -> None:
    """A clearing officer of another area finds nothing here, and takes nothing back."""
    client = server.by_certificate("clearing-elsewhere")
    assert isinstance(_refusal(lambda: client.get(theirs)), NotFound)
    assert [] == list(client.list())
    assert isinstance(_refusal(lambda: list(client.list(pooling_area=AREA))), NotPermitted)
    cancel = _refusal(lambda: client.cancel(theirs, institution=H2, request_id="X1"))
    assert isinstance(cancel, NotFound)
    assert RequestStatus.UNKNOWN is client.find_request(H2, "R1").status
    reversals = [_refusal(lambda id_=each: client.reverse(H2, id_, "X2")) for each in ("R1", "no")]  # type: ignore[misc]

    assert {NotPermitted} == set(map(type, reversals))
    assert 1 == len(set(map(str, reversals)))


def test_who_works_for_this_area_takes_back_what_is_of_it(server: Known, theirs: str) -> None:
    """The right to take back, where it applies, works."""
    client = server.by_certificate("clearing-here")

    assert RequestStatus.COMMITTED is client.find_request(H2, "R1").status
    assert RequestStatus.REVERSED is client.reverse(H2, "R1", "X1").original.status


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client: client.settle(_claim(9, H2)), id="settle"),
        pytest.param(lambda client: client.preview(_claim(9, H2)), id="preview"),
        pytest.param(lambda client: client.visits.settle(_claim(9, H2)), id="settle-visit"),
        pytest.param(lambda client: client.visits.preview(_claim(9, H2)), id="preview-visit"),
        pytest.param(
            lambda client: client.cancel(_NONE, institution=H2, request_id="C1"), id="cancel"
        ),
        pytest.param(
            lambda client: client.visits.cancel(_NONE, institution=H2, request_id="C1"),
            id="cancel-visit",
        ),
        pytest.param(lambda client: client.find_request(H2, "R1"), id="find-request"),
        pytest.param(lambda client: client.reverse(H2, "R1", "C1"), id="reverse"),
        pytest.param(lambda client: list(client.list(institution=H2)), id="list"),
        pytest.param(
            lambda client: list(client.registrations.held(AREA, institution_holder(H2))),
            id="registrations-of-it",
        ),
    ],
)
def test_nobody_speaks_for_another_institution(
    server: Known, theirs: str, ask: Callable[[Client], object]
) -> None:
    """Refused before anything is looked up: the same whether there is such a thing or not."""
    before = server.served.server.desk.engine.find_request(H2, "R1")
    refused = _refusal(lambda: ask(server.by_certificate(H1)))

    assert NotPermitted is type(refused)
    assert f"{H1} does not speak for institution {H2!r}." == refused.message
    assert before == server.served.server.desk.engine.find_request(H2, "R1")


def test_a_list_has_one_s_own_alone(server: Known, theirs: str) -> None:
    """Without a filter too, page by page."""
    client = server.by_certificate(H1)
    own = {_id(client.settle(_claim(number))) for number in (2, 3, 4)}

    assert own == {_id(each) for each in client.list()}
    assert own == {_id(each) for each in client.list(pooling_area=AREA, institution=H1)}
    assert {theirs, *own} == {_id(each) for each in server.by_certificate("auditor").list()}


def test_a_batch_is_looked_at_row_by_row(server: Known) -> None:
    """Another's claim in a batch is a refused row, is not recorded, and stops no other."""
    client = server.by_certificate(H1)
    rows = [_claim(1), _claim(2, H2), _claim(3), _claim(4, H2)]
    answers = client.settle_table(claims_table(rows))
    previews = client.preview_table(claims_table([_claim(5, H2), _claim(6)]))

    assert ["SETTLED", "INVALID_REQUEST", "SETTLED", "INVALID_REQUEST"] == _outcomes(answers)
    assert "institution" == answers["faults"].to_pylist()[1][0]["path"]
    assert ["INVALID_REQUEST", "SETTLED"] == _outcomes(previews)
    engine = server.served.server.desk.engine
    assert RequestStatus.UNKNOWN is engine.find_request(H2, "R2").status
    assert RequestStatus.COMMITTED is engine.find_request(H1, "R3").status


@pytest.mark.parametrize("role", [Role.POLICY_OFFICER, Role.ACTUARY])
def test_who_may_not_see_persons_tries_claims_of_strangers(server: Known, role: Role) -> None:
    """Nothing of what was recorded of a person shows in a preview, by itself or in a batch."""
    first, second = (claim(number, person="P1", institution=H1) for number in (1, 2))
    till = server.by_certificate(H1)
    till.settle(first)
    officer = server.by_certificate(role.value)

    def told(client: Client, row: dict[str, object]) -> list[object]:
        alone = client.preview(row)
        (together,) = client.preview_table(claims_table([row])).to_pylist()
        assert together["outcome"] == "SETTLED"
        return [alone.fen("cash_fen"), together["cash_fen"], alone.payers]

    of_nobody = told(till, second | {"person": "never-seen"})
    assert told(till, second) != of_nobody
    assert told(officer, second) == of_nobody


def test_a_visit_that_is_tried_is_a_stranger_s(
    server: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Visits are previewed for the same person as claims are."""
    asked: list[str] = []

    def preview(_: Visits, batch: ClaimBatch) -> None:
        asked.append(batch.column("person")[0])
        raise NotFound("seen")

    monkeypatch.setattr(Visits, "preview", preview)
    for name in (H1, Role.POLICY_OFFICER.value):
        with pytest.raises(NotFound, match="seen"):
            server.by_certificate(name).visits.preview(claim(1, person="P1", institution=H1))

    assert ["P1", stranger_to("P1")] == asked


def test_what_strangers_are_refused_is_told_as_ever(server: Known) -> None:
    """A person that is no number, a card, a missing column: the same faults as for others."""
    officer = server.by_certificate(Role.POLICY_OFFICER.value)
    table = claims_table([claim(1)])

    with pytest.raises(InvalidRequest, match="person"):
        officer.preview(claim(1, person="two words"))
    assert officer.preview(claim(1, card="C1", credential_type="03")).columns["card"] is None
    with pytest.raises(InvalidRequest, match="person"):
        officer.preview_table(table.drop_columns("person"))


def _outcomes(answers: pa.Table) -> list[str]:
    found: list[str] = answers["outcome"].to_pylist()
    return found


@pytest.fixture
def chain(
    engine: Engine, loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> Iterator[tuple[Known, str]]:
    """Yield a server and a token that speaks for two institutions, such as of a chain."""
    secret = token(tmp_path, Role.INSTITUTION, H1, H2)
    with known(engine, loop, tmp_path, tls=False) as server:
        yield server, secret


def test_a_token_may_speak_for_several(chain: tuple[Known, str]) -> None:
    """It settles for each, and a list is asked for one by one."""
    server, secret = chain
    client = server.by_token(secret)
    settled = [client.settle(_claim(number, code)) for number, code in ((1, H1), (2, H2))]

    assert [H1, H2] == [each.columns["institution"] for each in settled]
    with pytest.raises(InvalidRequest, match="you speak for 2"):
        list(client.list())
    assert [_id(settled[1])] == [_id(each) for each in client.list(institution=H2)]
    with pytest.raises(NotPermitted):
        client.settle(_claim(3, "H003"))
