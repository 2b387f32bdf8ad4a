"""The protos: generated code, comments, the released descriptor set, and one list of columns."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor
from medsettle.core import schema
from medsettle.core.columns import Column
from medsettle.core.registration_columns import REGISTRATION
from medsettle.core.visits import Route, RoutedBy
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

_ROOT = Path(__file__).parents[2]
_PROTOS = _ROOT / "protos"
_GENERATED = Path("medsettle/v1")

# Numbers of the fields of descriptor.proto that name an element in a source location's path.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM = 2, 3, 4
_ENUM_VALUE, _SERVICE_METHOD = 2, 2

SourcePath = tuple[int, ...]


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the package and the descriptor set as the protos make them today."""
    folder = tmp_path_factory.mktemp("protos")
    script = [sys.executable, str(_PROTOS / "generate.py"), str(folder)]
    subprocess.run([*script, "--descriptors", str(folder / "api.binpb")], check=True)
    return folder


@cache
def _described() -> descriptor_pb2.FileDescriptorSet:
    """Return the descriptors of our protos with their comments."""
    program = (
        "import sys, generate; "
        "sys.stdout.buffer.write(generate.descriptor_set(source_info=True).SerializeToString())"
    )
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=_PROTOS, check=True, capture_output=True
    )
    return descriptor_pb2.FileDescriptorSet.FromString(made.stdout)


@pytest.mark.slow
def test_generated_code_is_current(regenerated: Path) -> None:
    """The committed package is, byte for byte, what the protos generate."""
    committed = _ROOT / "engine" / _GENERATED
    expected = {path.name: path.read_bytes() for path in (regenerated / _GENERATED).glob("*.py*")}
    actual = {path.name: path.read_bytes() for path in committed.glob("*.py*")}

    assert sorted(expected) == sorted(actual)
    assert [name for name in expected if expected[name] != actual[name]] == []


@pytest.mark.slow
def test_descriptor_set_is_current(regenerated: Path) -> None:
    """The released descriptor set is today's: a change of the interface shows in the diff."""
    expected = (regenerated / "api.binpb").read_bytes()

    assert expected == (_PROTOS / _GENERATED / "api.binpb").read_bytes()


def _enum(
    enum: descriptor_pb2.EnumDescriptorProto, at: SourcePath, name: str
) -> Iterator[tuple[str, SourcePath]]:
    yield name, at
    for index, value in enumerate(enum.value):
        yield f"{name}.{value.name}", (*at, _ENUM_VALUE, index)


def _message(
    message: descriptor_pb2.DescriptorProto, at: SourcePath, name: str
) -> Iterator[tuple[str, SourcePath]]:
    yield name, at
    for index, field in enumerate(message.field):
        yield f"{name}.{field.name}", (*at, _MESSAGE_FIELD, index)
    for index, enum in enumerate(message.enum_type):
        yield from _enum(enum, (*at, _MESSAGE_ENUM, index), f"{name}.{enum.name}")
    for index, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(nested, (*at, _MESSAGE_NESTED, index), f"{name}.{nested.name}")


def _elements(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, SourcePath]]:
    """Yield name and source path of every service, method, message, field, enum and value."""
    for index, service in enumerate(file.service):
        yield service.name, (_FILE_SERVICE, index)
        for position, method in enumerate(service.method):
            at = (_FILE_SERVICE, index, _SERVICE_METHOD, position)
            yield f"{service.name}.{method.name}", at
    for index, message in enumerate(file.message_type):
        yield from _message(message, (_FILE_MESSAGE, index), message.name)
    for index, enum in enumerate(file.enum_type):
        yield from _enum(enum, (_FILE_ENUM, index), enum.name)


@pytest.mark.slow
def test_every_element_has_a_comment() -> None:
    """Services, methods, messages, fields, enums and values all say what they are."""
    silent = []
    seen = 0
    for file in _described().file:
        comments = {
            tuple(location.path): location.leading_comments.strip()
            for location in file.source_code_info.location
        }
        for name, at in _elements(file):
            seen += 1
            if not comments.get(at):
                silent.append(f"{file.name} {name}")

    assert seen > 100
    assert silent == []


@pytest.mark.slow
def test_comments_of_amounts_name_the_unit() -> None:
    """Every field that ends in `_fen` says fen in its comment."""
    offences = []
    for file in _described().file:
        comments = {
            tuple(location.path): location.leading_comments
            for location in file.source_code_info.location
        }
        offences += [
            name
            for name, at in _elements(file)
            if name.endswith("_fen") and "fen" not in comments[at]
        ]

    assert offences == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "columns"),
    [
        pytest.param("Claim", schema.CLAIM, id="claim"),
        pytest.param("ClaimLine", schema.LINE, id="line"),
        pytest.param("Settlement", schema.SETTLEMENT, id="settlement"),
        pytest.param("PayerShare", schema.PAYER_DETAIL, id="payer"),
        pytest.param("LineSplit", schema.LINE_SPLIT, id="split"),
        pytest.param("RelativeShare", schema.RELATIVE_SHARE, id="relative"),
    ],
)
def test_comments_name_the_national_alias(message: str, columns: Sequence[Column]) -> None:
    """A field made from a column names the column's national alias in its comment."""
    aliases = {f"{message}.{column.name}": column.alias for column in columns if column.alias}
    offences = []
    for file in _described().file:
        comments = {
            tuple(location.path): location.leading_comments
            for location in file.source_code_info.location
        }
        offences += [
            f"{name} lacks {aliases[name]}"
            for name, at in _elements(file)
            if name in aliases and f"({aliases[name]}" not in comments[at]
        ]

    assert offences == []


@pytest.mark.parametrize(
    ("descriptor", "columns", "beside"),
    [
        pytest.param(settlements.Claim.DESCRIPTOR, schema.CLAIM, {"lines"}, id="claim"),
        pytest.param(settlements.ClaimLine.DESCRIPTOR, schema.LINE, set(), id="line"),
        pytest.param(
            settlements.Settlement.DESCRIPTOR,
            schema.SETTLEMENT,
            {
                "name",
                "payers",
                "relatives",
                "lines",
                "amounts_fen",
                "notices",
                "duplicate",
                "warnings",
            },
            id="settlement",
        ),
        pytest.param(
            registrations.Registration.DESCRIPTOR,
            REGISTRATION,
            {
                *("pooling_area", "person", "about", "seq", "create_time", "duplicate"),
                *("credential_type", "card"),
            },
            id="registration",
        ),
    ],
)
def test_messages_have_the_columns_of_the_schema(
    descriptor: Descriptor, columns: Sequence[Column], beside: set[str]
) -> None:
    """A message has every column of its table in the table's order, and what is named here."""
    fields = [field.name for field in descriptor.fields if field.name not in beside]

    assert [column.name for column in columns] == fields


@pytest.mark.parametrize(
    ("descriptor", "columns"),
    [
        pytest.param(settlements.PayerShare.DESCRIPTOR, schema.PAYER_DETAIL, id="payer"),
        pytest.param(settlements.LineSplit.DESCRIPTOR, schema.LINE_SPLIT, id="split"),
        pytest.param(settlements.RelativeShare.DESCRIPTOR, schema.RELATIVE_SHARE, id="relative"),
    ],
)
def test_details_leave_out_what_their_settlement_says(
    descriptor: Descriptor, columns: Sequence[Column]
) -> None:
    """Details have the columns of their table but for `seq` and `settlement` of the whole."""
    expected = [column.name for column in columns if column.name not in {"seq", "settlement"}]

    assert expected == [field.name for field in descriptor.fields]


def test_a_route_has_what_the_engine_decided() -> None:
    """A route has the fields of the core's in their order, each way of routing, and the phrase."""
    fields = [field.name for field in visits.Route.DESCRIPTOR.fields]
    ways = {f"ROUTED_BY_{by.name}" for by in RoutedBy}

    assert [*(each.name for each in dataclasses.fields(Route)), "reason"] == fields
    assert ways | {"ROUTED_BY_UNSPECIFIED"} == set(visits.RoutedBy.keys())
