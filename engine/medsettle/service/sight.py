"""What a caller sees of what is recorded: their own, and of the rest not that it is there."""

from collections.abc import Callable

import pyarrow as pa

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import invalid
from medsettle.core.request_states import RequestState, RequestStatus
from medsettle.errors import Fault, InvalidRequest, NotFound, NotPermitted
from medsettle.identity.principals import ANYBODY
from medsettle.identity.roles import Right
from medsettle.identity.strangers import stranger_to
from medsettle.service.desk import Desk
from medsettle.service.entrance import caller
from medsettle.v1 import settlement_service_pb2 as settlements


def check_seen(desk: Desk, record: str, nothing: Callable[[str], NotFound]) -> None:
    """Check that a settlement or visit is there for the caller.

    Args:
        desk: Where it may be recorded.
        record: Its id.
        nothing: Makes the error of an id that nothing has.

    Raises:
        NotFound: It is another's, or nobody's.
    """
    principal = caller()
    if not principal.is_bound:
        return
    holder = desk.engine.days.holder_of(record)
    if holder is None or not principal.sees(holder.institution, holder.pooling_area):
        raise nothing(record)


def check_taken_back(desk: Desk, record: str, nothing: Callable[[str], NotFound]) -> None:
    """Check that a settlement or visit is there for a caller who takes it back.

    That an institution has none with this id the engine finds out itself, and keeps as its answer.

    Raises:
        NotFound: See `check_seen`.
    """
    if not caller().institutions:
        check_seen(desk, record, nothing)


def own_rows(claims: ClaimBatch) -> ClaimBatch:
    """Return a batch in which each claim that is not the caller's is rejected, row by row."""
    principal = caller()
    if not principal.is_bound:
        return claims
    named = zip(claims.column("institution"), claims.column("pooling_area"), strict=True)
    rejections = {}
    for row, (institution, area) in enumerate(named):
        # What is faulty may have anything in these columns, and is refused already.
        if row in claims.rejections:
            continue
        if not principal.speaks_for(institution):
            text = f"{principal.name} does not speak for it; send claims of your own"
            rejections[row] = invalid((Fault("institution", text),))
        elif not principal.decides_for(area):
            text = f"{principal.name} asks about pooling area {principal.area} alone"
            rejections[row] = invalid((Fault("pooling_area", text),))
    return claims.refused(rejections)


def tried_claim(claim: settlements.Claim) -> settlements.Claim:
    """Return a claim to preview: a stranger's where the caller may not see persons."""
    if _sees_persons():
        return claim
    tried = settlements.Claim()
    tried.CopyFrom(claim)
    tried.person = stranger_to(claim.person)
    # Whose card it is would tell who they are.
    tried.ClearField("card")
    return tried


def tried_table(table: pa.Table) -> pa.Table:
    """Return claims to preview: those of strangers where the caller may not see persons.

    Columns that are missing or hold no texts stay as they are, for the check of the claims.
    """
    if _sees_persons():
        return table
    names = table.column_names
    if names.count("card") == 1:
        table = table.drop_columns("card")
    if names.count("person") == 1:
        persons = table["person"].to_pylist()
        if {*map(type, persons)} <= {str, type(None)}:
            strangers = pa.array([each and stranger_to(each) for each in persons], pa.string())
            place = table.column_names.index("person")
            table = table.set_column(place, "person", strangers)
    return table


def _sees_persons() -> bool:
    principal = caller()
    return principal is ANYBODY or Right.SEE_PERSON in principal.rights


def listed_area(area: str | None) -> str | None:
    """Return the pooling area whose records a list has; None for all.

    Args:
        area: The one that is asked for, checked at the entrance; None for all there are.
    """
    principal = caller()
    return area or (None if principal.institutions else principal.area or None)


def listed_institution(institution: str) -> str | None:
    """Return the institution whose records a list has; None for all.

    Args:
        institution: The one that is asked for, checked at the entrance; empty for all there are.

    Raises:
        InvalidRequest: The caller has several, and a list is of one.
    """
    own = caller().institutions
    if institution or not own:
        return institution or None
    if len(own) > 1:
        text = f"missing; you speak for {len(own)}, and a list is of one: name it"
        raise InvalidRequest([Fault("institution", text)])
    return next(iter(own))


def own_state(state: RequestState) -> RequestState:
    """Return what became of a request, which is unknown where it is of another pooling area."""
    if not state.pooling_area or caller().decides_for(state.pooling_area):
        return state
    return RequestState(state.institution, state.request_id, RequestStatus.UNKNOWN)


def check_reversible(desk: Desk, institution: str, request_id: str) -> None:
    """Check that the caller may reverse a request, whatever became of it.

    What is unknown is reversed too, and would then never settle: that is for those who may decide
    for every pooling area.

    Raises:
        NotPermitted: The caller is bound to one, and nothing of that area has this id.
    """
    principal = caller()
    if not principal.area or principal.institutions:
        return
    state = own_state(desk.engine.find_request(institution, request_id))
    if state.pooling_area != principal.area:
        raise NotPermitted(
            f"{principal.name} reverses what is recorded in pooling area {principal.area} alone.",
            pooling_area=principal.area,
        )
