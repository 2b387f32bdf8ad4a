"""What a caller sees of what is recorded: their own, and of the rest not that it is there."""

from collections.abc import Callable

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import invalid
from medsettle.core.request_states import RequestState, RequestStatus
from medsettle.errors import Fault, InvalidRequest, NotFound, NotPermitted
from medsettle.service.desk import Desk
from medsettle.service.entrance import caller


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
