"""Messages between engines to values of the core and back: no check of rules, no arithmetic."""

from google.protobuf.message import DecodeError, Message

from medsettle.client.answers import settlement_of, visit_of
from medsettle.core.scopes import PART_COLUMNS, CareScope, Scope, scope_of
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.engine.copies import Copied
from medsettle.errors import Fault, InvalidRequest
from medsettle.service import wire
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import settlement_service_pb2 as settlements


def parsed(kind: type[Message], body: bytes) -> Message:
    """Return the message of some bytes.

    Raises:
        InvalidRequest: They are no message of that kind.
    """
    try:
        return kind.FromString(body)
    except DecodeError as error:
        name = kind.DESCRIPTOR.name
        raise InvalidRequest([Fault("", f"{len(body)} bytes are no {name}: {error}")]) from error


def scoped_message(claim: settlements.Claim, scope: CareScope) -> peers.ScopedClaim:
    """Return a claim with its lines as they were split here."""
    return peers.ScopedClaim(
        claim=claim,
        catalogue_digest=scope.catalogue_digest,
        charge_types=scope.charge_types,
        scopes=[
            peers.Scope(
                insurance_type=insurance_type,
                item_class=each.item_class.tolist(),
                outside=each.outside.tolist(),
                **dict(zip(PART_COLUMNS, each.parts.tolist(), strict=True)),
            )
            for insurance_type, each in scope.by_type.items()
        ],
    )


def care_scope_of(message: peers.ScopedClaim) -> CareScope:
    """Return the split of a claim that was made elsewhere.

    Raises:
        InvalidRequest: A split is stated twice, or its lists differ in length; the rest is for
            `medsettle.core.scopes.scope_faults` to find.
    """
    faults: list[Fault] = []
    by_type: dict[str, Scope] = {}
    for scope in message.scopes:
        name = scope.insurance_type
        if name in by_type:
            text = "stated twice; one split for each insurance type"
            faults.append(Fault(f"scopes[{name}]", text))
            continue
        parts = [getattr(scope, part) for part in PART_COLUMNS]
        try:
            by_type[name] = scope_of(name, parts, scope.item_class, scope.outside)
        except InvalidRequest as error:
            faults += error.faults
    if faults:
        raise InvalidRequest(faults)
    return CareScope(
        care_area=message.claim.care_area,
        catalogue_digest=message.catalogue_digest,
        charge_types=tuple(message.charge_types),
        by_type=by_type,
    )


def delivered_message(record: Copied, care_area: str) -> peers.DeliveredRecord:
    """Return a recorded settlement or visit as it is handed over."""
    if isinstance(record, Visit):
        return peers.DeliveredRecord(care_area=care_area, visit=wire.visit_message(record))
    return peers.DeliveredRecord(care_area=care_area, settlement=wire.settlement_message(record))


def delivered_of(message: peers.DeliveredRecord) -> Copied:
    """Return the settlement or visit that was handed over.

    Raises:
        InvalidRequest: It is neither.
    """
    kind = message.WhichOneof("record")
    if kind == "settlement":
        return settlement_of(message.settlement)
    if kind == "visit":
        return visit_of(message.visit)
    raise InvalidRequest([Fault("records", "neither a settlement nor a visit; send one of them")])


def answer_of(method: str, body: bytes) -> tuple[Settlement | Visit, bytes | None]:
    """Return the settlement or visit that a method answered with, and its bytes if they say more.

    A newer engine answers with fields that are not known here; they are kept as they came.
    """
    if method.endswith("Visit"):
        from medsettle.v1 import visit_service_pb2 as visits  # noqa: PLC0415 - visits are rare

        visit = visits.Visit.FromString(body)
        return visit_of(visit), says_more(visit, body)
    settlement = settlements.Settlement.FromString(body)
    return settlement_of(settlement), says_more(settlement, body)


def says_more(message: Message, body: bytes) -> bytes | None:
    """Return the bytes of a message that has fields which are not known here; None otherwise."""
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    return body if known.ByteSize() != message.ByteSize() else None
