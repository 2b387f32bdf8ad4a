"""The file of peers: what it says, every fault of it, and its bounds from both sides."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest
from medsettle.identity.authority import make_certificates
from medsettle.peers.config import Role, read_peers

_WHOLE = """
name = "province-a"
role = "areas"
areas = ["999941", "999945"]
[[peers]]
name = "national"
role = "hub"
address = "127.0.0.1:6100"
areas = ["*"]
[[peers]]
name = "province-b"
role = "areas"
address = "[::1]:6101"
areas = ["999942"]
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "peers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _faults(folder: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as raised:
        read_peers(_written(folder, text))
    return [(fault.path, fault.message) for fault in raised.value.faults]


def test_a_file_says_who_decides_and_through_whom(tmp_path: Path) -> None:
    """Areas served, areas reached by number before every other, and who speaks for which."""
    config = read_peers(_written(tmp_path, _WHOLE))

    assert ("province-a", Role.AREAS, None) == (config.name, config.role, config.tls)
    assert [True, True, False] == [config.serves(a) for a in ("999941", "999945", "999942")]
    routes = {area: config.route(area) for area in ("999941", "999942", "999943")}
    assert {"999941": None, "999942": "province-b", "999943": "national"} == {
        area: each and each.name for area, each in routes.items()
    }
    assert config.neighbour("province-b") is routes["999942"]
    assert config.neighbour("province-c") is None
    spoken = [
        (name, area)
        for name in ("national", "province-b")
        for area in ("999941", "999942", "999943")
        if config.speaks_for(name, area)
    ]
    assert [("national", "999943"), ("province-b", "999942")] == spoken


def test_a_hub_decides_nothing(tmp_path: Path) -> None:
    """A hub without areas is read; areas beside the role are a fault."""
    hub = _WHOLE.replace('role = "areas"', 'role = "hub"', 1)

    assert [("areas", "a hub decides for no area")] == [
        (path, text.partition(";")[0]) for path, text in _faults(tmp_path, hub)
    ]
    without = hub.replace('areas = ["999941", "999945"]\n', "")
    assert Role.HUB is read_peers(_written(tmp_path, without)).role


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        ('name = "province-a"\n', "", "name", "missing"),
        ('"province-a"', '"Province A"', "name", "small letters"),
        ('"province-a"', "7", "name", "must be a text"),
        ('"province-a"', '"national"', "peers[0].name", "this engine already"),
        ('"province-b"', '"national"', "peers[1].name", "peers[0] already"),
        ('role = "areas"', 'role = "area"', "role", "did you mean 'areas'?"),
        ('role = "hub"', 'role = "centre"', "peers[0].role", "known here: areas, hub"),
        ("[[peers]]", 'colour = "red"\n[[peers]]', "colour", "no such key"),
        ("address =", "adress =", "peers[0].adress", "did you mean 'address'?"),
        ("127.0.0.1:6100", "127.0.0.1", "peers[0].address", "no host and port"),
        ("127.0.0.1:6100", "127.0.0.1:0", "peers[0].address", "no host and port"),
        ("127.0.0.1:6100", "127.0.0.1:65536", "peers[0].address", "no host and port"),
        ("127.0.0.1:6100", "http://a:1", "peers[0].address", "no host and port"),
        ('["999942"]', '["999941"]', "peers[1].areas[0]", "through this engine itself already"),
        ('["999942"]', '["*"]', "peers[1].areas", "only a hub"),
        ('["*"]', '["999942"]', "peers[1].areas[0]", "through peers[0] already"),
        ('["999942"]', "[]", "peers[1].areas", "are 0; 1 to"),
        ('["999942"]', "[999942]", "peers[1].areas[0]", "no area"),
        ('["999942"]', '["99994"]', "peers[1].areas[0]", "no area"),
        ('["999942"]', '["999942", "999942"]', "peers[1].areas[1]", "listed twice"),
        ('["999942"]', '"999942"', "peers[1].areas", "must be a list"),
        ('["999941", "999945"]', '["999941", "*"]', "areas[1]", "no area"),
        ('["999941", "999945"]', "[]", "areas", "are 0; 1 to"),
        ("[[peers]]", 'tls = "on"\n[[peers]]', "tls", "must be a table"),
    ],
)
def test_each_fault_is_told_with_its_path(
    tmp_path: Path, old: str, new: str, path: str, says: str
) -> None:
    """One change of a good file makes a fault at its path that says what is wrong."""
    faults = _faults(tmp_path, _WHOLE.replace(old, new, 1))

    assert any(path == at and says in text for at, text in faults), faults


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Faults of different places come together, in the order of the file."""
    text = _WHOLE.replace("province-a", "A").replace("6100", "x").replace("999942", "1")

    assert ["name", "peers[0].address", "peers[1].areas[0]"] == [
        path for path, _ in _faults(tmp_path, text)
    ]


@pytest.mark.parametrize("text", [b"name = ", b"\xff", b"x = " + b"[" * 5_000])
def test_what_is_no_toml_is_told(tmp_path: Path, text: bytes) -> None:
    """A file that cannot be read as TOML is one fault, whatever it is instead."""
    path = tmp_path / "peers.toml"
    path.write_bytes(text)
    with pytest.raises(InvalidRequest) as raised:
        read_peers(path)

    assert ["peers.toml"] == [fault.path for fault in raised.value.faults]


def _with_peers(count: int) -> str:
    head = 'name = "a"\nrole = "areas"\nareas = ["999941"]\n'
    return head + "".join(
        f'[[peers]]\nname = "p{i}"\nrole = "areas"\naddress = "h:1"\nareas = ["1{i:05}"]\n'
        for i in range(count)
    )


def _with_areas(count: int) -> str:
    areas = [f"1{i:05}" for i in range(count)]
    return _WHOLE.replace('["999942"]', json.dumps(areas))


@pytest.mark.parametrize(
    ("good", "bad", "path"),
    [
        (_with_peers(limits.PEERS_MAX), _with_peers(limits.PEERS_MAX + 1), "peers"),
        (_with_peers(1), _with_peers(0), "peers"),
        (
            _with_areas(limits.PEER_AREAS_MAX),
            _with_areas(limits.PEER_AREAS_MAX + 1),
            "peers[1].areas",
        ),
        (
            _WHOLE.replace("province-a", "a" * limits.PEER_NAME_CHARS_MAX),
            _WHOLE.replace("province-a", "a" * (limits.PEER_NAME_CHARS_MAX + 1)),
            "name",
        ),
        (
            _WHOLE.replace("127.0.0.1:", "a" * (limits.PEER_ADDRESS_CHARS_MAX - 5) + ":"),
            _WHOLE.replace("127.0.0.1:", "a" * (limits.PEER_ADDRESS_CHARS_MAX - 4) + ":"),
            "peers[0].address",
        ),
        (_WHOLE.replace("6100", "65535"), _WHOLE.replace("6100", "65536"), "peers[0].address"),
    ],
    ids=["peers", "one-peer", "areas", "name", "address", "port"],
)
def test_bounds_from_both_sides(tmp_path: Path, good: str, bad: str, path: str) -> None:
    """The last that is allowed is read, and one more is a fault at its path."""
    read_peers(_written(tmp_path, good))

    assert [path] == [at for at, _ in _faults(tmp_path, bad)]


def _with_tls(names: Sequence[str]) -> str:
    keys = dict(zip(("certificate", "key", "authority"), names, strict=True))
    table = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    table += 'listen = "127.0.0.1:6101"\n'
    return _WHOLE.replace("[[peers]]", f"[tls]\n{table}[[peers]]", 1)


def test_certificates_are_held_to_the_name(tmp_path: Path) -> None:
    """Files beside the configuration are found and belong together; others are told as faults."""
    make_certificates(tmp_path, ["province-a", "other"], datetime.now(UTC))
    good = ("province-a.pem", "province-a.key", "ca.pem")
    config = read_peers(_written(tmp_path, _with_tls(good)))

    assert config.tls is not None
    assert tmp_path / "province-a.pem" == config.tls.certificate
    assert config.listen == "127.0.0.1:6101"
    without = _with_tls(good).replace('listen = "127.0.0.1:6101"\n', "")
    assert ["tls.listen"] == [path for path, _ in _faults(tmp_path, without)]
    wrong = {
        ("none.pem", "province-a.key", "ca.pem"): ["tls.certificate"],
        ("other.pem", "other.key", "ca.pem"): ["tls.certificate"],
        ("province-a.pem", "other.key", "ca.pem"): ["tls.key"],
        ("province-a.key", "province-a.pem", "peers.toml"): [
            "tls.certificate",
            "tls.key",
            "tls.authority",
        ],
    }
    for files, paths in wrong.items():
        assert paths == [path for path, _ in _faults(tmp_path, _with_tls(files))]


def test_keys_are_for_their_owner_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """Private keys are readable for their owner only; made again they are refused."""
    made = make_certificates(tmp_path, ["a"], datetime.now(UTC))

    assert ["ca.pem", "a.pem", "a.key"] == [path.name for path in made]
    assert 0o600 == made[2].stat().st_mode & 0o777
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("a", "b"):
        text = r"ca\.pem is there already and stays as it is; name another folder"
        with pytest.raises(FileExistsError, match=text):
            make_certificates(tmp_path, [name], datetime.now(UTC))
    made[0].unlink()
    with pytest.raises(FileExistsError, match=r"a\.pem is there already"):
        make_certificates(tmp_path, ["b", "a"], datetime.now(UTC))
    del before[made[0]]
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}
