"""`medsettle reconcile apply` and its neighbours: from a difference to its resolution."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from medsettle import errors
from medsettle.clearing.items.item import RECORDS, Item, State
from medsettle.clearing.items.plans import Step, TakeBack, plan_of
from medsettle.clearing.items.reading import ITEMS_FILE
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.cli.desks import CLEARING_FOLDER, Desk, ledger_at, open_desk
from medsettle.core.request_states import RequestStatus
from medsettle.ledger.opening import open_reader


@dataclass(frozen=True, slots=True)
class At:
    """Where an action is applied: at the engine of a data folder or at a server.

    `source` is the data folder of a side that has what another lacks, `source_rules` its rules.
    """

    server: str | None
    engine: Path | None
    ledger: str | None
    rules: Path
    source: Path | None = None
    source_rules: Path | None = None

    @property
    def named(self) -> bool:
        """Whether there is an engine."""
        return self.server is not None or self.engine is not None or self.ledger is not None


def open_items(data: Path) -> ItemStore:
    """Return the store of a data folder that has one.

    Raises:
        FileNotFoundError: It has none; a misspelt name must not make one.
    """
    folder = data / CLEARING_FOLDER
    if not (folder / ITEMS_FILE).is_file():
        raise FileNotFoundError(
            f"{data} holds no reconciliation; name the folder with --data, or run one first"
        )
    return ItemStore(folder)


def stated_told(text: str) -> tuple[str, str]:
    """Return the column of a text such as `pooling_area=990000` and what is stated of it.

    Raises:
        InvalidRequest: It is none.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise errors.InvalidRequest([errors.Fault("stated", f"{text!r} is no COLUMN=VALUE")])
    return name, value


def apply(store: ItemStore, named: str, person: str, at: At, clock: Callable[[], datetime]) -> Item:
    """Return an item after its action was carried out and noted, once however often it is asked.

    Raises:
        NotFound: There is no such item, or the engine has nothing of it.
        Precondition: It is not approved, or cannot be done at this engine.
        SettlementError: As the engine raises it; nothing was recorded by this step then.
    """
    item = store.ready(named)
    if item.action in RECORDS and not at.named:
        raise errors.InvalidRequest(
            [errors.Fault("engine", f"name the data folder or server of the {_side(item)} side")]
        )
    if not at.named:
        return store.noted(named, person, clock())
    steps = plan_of(item, store.difference(item))
    with ExitStack() as stack:
        carry_out = _engine_of(stack, at)
        for step in steps:
            told = carry_out(step)
            if not isinstance(told, str):
                if item.state is State.APPLIED:
                    return item
                return store.settles_otherwise(item, person, str(told)[:500], clock())
            entry = told
    made = f"{len(steps)} record(s) made at the {_side(item)} side"
    return store.applied(item, person, entry, made, clock())


def _engine_of(stack: ExitStack, at: At) -> Callable[[Step], object]:
    """Return what carries a step out: the engine of a folder, or a server."""
    if at.server is not None:
        desk = stack.enter_context(open_desk(at.server, Path(), at.rules))
        return lambda step: _at_server(desk, step)
    # An engine takes a second to load, and a server needs none.
    from medsettle.cli.local_desk import engine_at  # noqa: PLC0415
    from medsettle.engine.inserting import Source  # noqa: PLC0415
    from medsettle.engine.resolutions import Resolutions  # noqa: PLC0415
    from medsettle.rule_cache import rule_book  # noqa: PLC0415

    folder = at.engine or Path("medsettle-data")
    place = ledger_at(folder, at.ledger)
    if isinstance(place, Path) and not place.is_file():
        raise FileNotFoundError(f"{place.parent} holds no ledger; name the folder with --engine")
    source = None
    if at.source is not None:
        reader = stack.enter_context(open_reader(ledger_at(at.source, None)))
        source = Source(reader, rule_book(at.source_rules or at.rules))
    engine = stack.enter_context(engine_at(folder, at.rules, ledger=at.ledger))
    return Resolutions(engine, source).carry_out


def _at_server(desk: Desk, step: Step) -> str:
    if not isinstance(step, TakeBack):
        raise errors.Precondition(
            "a server takes records back and no more; give the data folder of its engine with "
            "--engine while the server is stopped"
        )
    if step.original_request is None or not step.reversal:
        try:
            taken = desk.cancel(step.settlement, step.institution, step.known_as or step.request_id)
        except errors.AlreadyCancelled as error:
            return str(error.metadata["cancelled_by"])
        return str(taken.columns["settlement"])
    state = desk.requests.find_request(step.institution, step.original_request)
    if state.entry != step.settlement:
        raise errors.NotFound(
            f"the server has no settlement {step.settlement} under request "
            f"{step.original_request}; name the server of the side that has it",
            settlement=step.settlement,
        )
    if state.status is RequestStatus.COMMITTED:
        reversal = desk.requests.reverse(step.institution, step.original_request, step.request_id)
        state = reversal.original
    return str(state.taken_back_by)


def _side(item: Item) -> str:
    return "" if item.terms is None else str(item.terms.side)


def class_of(number: int | None) -> DifferenceClass | None:
    """Return the class of a number; None for none.

    Raises:
        InvalidRequest: There is no such class.
    """
    if number is None:
        return None
    try:
        return DifferenceClass(number)
    except ValueError as error:
        most = max(DifferenceClass)
        fault = errors.Fault(
            "class", f"{number} is no class; there are {min(DifferenceClass)} to {most}"
        )
        raise errors.InvalidRequest([fault]) from error
