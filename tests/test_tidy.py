"""The rules of the house that a reader would otherwise have to check by eye.

Each test gathers every offence with its file and line, so that one run shows them all.
"""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.core import codes

from tests.sources import code_lines, parts

_ROOT = Path(__file__).parents[1]
_PACKAGE = _ROOT / "engine" / "medsettle"
# Written by protoc and by Django.
_GENERATED = {_PACKAGE / "v1", _PACKAGE / "console" / "migrations"}

# Here whole numbers are divided by a multiplication with a reciprocal, and the last unit is mended;
# the proof stands beside it, and a test looks at both ends of its range.
_DIVIDES_BY_RECIPROCALS = {
    _PACKAGE / "settle" / "interpreter.py",
    _PACKAGE / "settle" / "line_loops.py",
}

# Imports point from right to left only; what stands together may not import one another.
_LAYERS = (
    {"errors", "limits", "native", "phases"},
    {"core", "logs"},
    {"policy"},
    {"settle"},
    {"durable"},
    {"configuration", "privacy", "signing_keys"},
    {"ledger", "cards", "audit", "rule_cache", "cluster", "identity"},
    {"payments", "books"},
    {"clearing", "replay"},
    {"engine"},
    {"v1"},
    {"client", "service"},
    {"gateway", "peers", "offline"},
    {"console"},
    {"demo", "torture", "conformance"},
    {"cli"},
)
# The same within clearing, which is a package of packages.
_CLEARING_LAYERS = (
    {"matching"},
    {"made", "months", "spark"},
    {"items", "notices", "statements", "hospitals"},
    {"prepayments"},
)
_PURE = {"core", "policy", "settle"}
_MONEY = _PURE | {"ledger", "clearing", "payments", "books"}
# Their clock is handed to them: a settlement computed twice must come out the same.
_CLOCKLESS = _MONEY | {"audit", "cards", "replay", "engine", "identity"}
_TERMINAL = {"cli", "demo"}

_OUTSIDE_WORLD = {
    *("apsw", "asyncio", "concurrent", "duckdb", "grpc", "http", "httpx", "multiprocessing", "os"),
    *("psycopg", "random", "requests", "secrets", "select", "shutil", "signal", "socket"),
    *("sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib", "uuid"),
}

_LINES_PER_FILE_MAX = 400
# A list that grows with the program; `core/test_limits.py` holds it to bounds and relations.
_LIST_OF_BOUNDS = _PACKAGE / "limits.py"
_CODE_LINES_PER_FUNCTION_MAX = 60
_CHARACTERS_PER_LINE_MAX = 100
_VAGUE_FILES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}

# Two digits of a province, four of city and county, as in GB/T 2260.
_AREA_CODE = re.compile(r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])\d{4}")
_FUND_CODES = {payer.fund_pay_type for payer in codes.PAYERS}
_REGION = re.compile(
    r"\b(?:Anhui|Beijing|Chongqing|Fujian|Gansu|Guangdong|Guangxi|Guizhou|Hainan|Hebei|Heilongjiang"
    r"|Henan|Hubei|Hunan|Jiangsu|Jiangxi|Jilin|Liaoning|Inner Mongolia|Ningxia|Qinghai|Shaanxi"
    r"|Shandong|Shanghai|Shanxi|Sichuan|Tianjin|Tibet|Xinjiang|Yunnan|Zhejiang|Guangzhou|Shenzhen"
    r"|Hangzhou|Chengdu|Wuhan|Nanjing|Ningbo)\b|北京|天津|河北|山西|内蒙古|辽宁|吉林|黑龙江|上海|江苏|浙江|安徽"
    r"|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|重庆|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆"
    r"|广州|深圳|杭州|成都|武汉|南京|宁波",
    re.IGNORECASE,
)

# Written so that the pattern does not find itself.
_MACHINE = re.compile(
    r"(?<![\w.])/(?:work|root|home/\w+)/|/tmp/bash[_]jobs|index[-]url|://[^ \"]*/simple[/]"
)

_DECISION_PARTS = ("context", "decision", "refused", "cost")


def _python_files(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (_ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if _GENERATED.isdisjoint(path.parents))


_ENGINE_FILES = _python_files("engine/medsettle")
_WRITTEN_FILES = _python_files("engine", "tests", "benchmarks", "fixtures", "protos", "rules")


def _component(path: Path) -> str:
    """Return the part of the package a file belongs to: `core`, or `engine` for engine.py."""
    return path.relative_to(_PACKAGE).parts[0].removesuffix(".py")


def _place(path: Path, line: int | None = None) -> str:
    name = path.relative_to(_ROOT).as_posix()
    return name if line is None else f"{name}:{line}"


def _assert_none(offences: list[str]) -> None:
    assert not offences, "\n".join(["", *offences])


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every import, at any depth of the file."""
    for node in parts(path).imports:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        else:
            assert node.level == 0, f"{_place(path, node.lineno)} imports relatively"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _level(component: str, layers: tuple[set[str], ...] = _LAYERS) -> int:
    for level, layer in enumerate(layers):
        if component in layer:
            return level
    raise AssertionError(f"{component} has no place in the order of imports; give it one")


def _upward(path: Path, package: str, own: str, layers: tuple[set[str], ...]) -> Iterator[str]:
    """Yield the imports of a file of `own` that do not point downwards within a package."""
    for line, name in _imports(path):
        part = f"{name}.".removeprefix(f"{package}.").split(".")[0]
        within = name == package or name.startswith(f"{package}.")
        if within and part != own and (not part or _level(part, layers) >= _level(own, layers)):
            yield f"{_place(path, line)} imports {name}"


def test_imports_point_one_way() -> None:
    """No module imports from its own layer's neighbours or from a layer above it."""
    offences: list[str] = []
    for path in _ENGINE_FILES:
        own = _component(path)
        offences += [] if own == "__init__" else _upward(path, "medsettle", own, _LAYERS)

    _assert_none(offences)


def test_imports_within_clearing_point_one_way() -> None:
    """No package of clearing imports from its neighbours or from one above it."""
    offences: list[str] = []
    for path in (_PACKAGE / "clearing").glob("*/*.py"):
        offences += _upward(path, "medsettle.clearing", path.parent.name, _CLEARING_LAYERS)

    _assert_none(offences)


def test_the_core_does_no_input_or_output() -> None:
    """`core`, `policy` and `settle` import nothing that reaches a device, a clock or a network."""
    offences = [
        f"{_place(path, line)} imports {name}"
        for path in _ENGINE_FILES
        if _component(path) in _PURE
        for line, name in _imports(path)
        if name.split(".")[0] in _OUTSIDE_WORLD
    ]

    _assert_none(offences)


def test_files_are_short() -> None:
    """No file written by hand is longer than a reader keeps in mind."""
    offences = [
        f"{_place(path)} has {count} lines"
        for path in _WRITTEN_FILES
        if path != _LIST_OF_BOUNDS
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > _LINES_PER_FILE_MAX
    ]

    _assert_none(offences)


def test_functions_are_short() -> None:
    """No function has more lines of code than fit on a screen."""
    offences = []
    for path in _WRITTEN_FILES:
        for function in parts(path).functions:
            lines = range(function.lineno, (function.end_lineno or function.lineno) + 1)
            if len(lines) <= _CODE_LINES_PER_FUNCTION_MAX:
                continue
            count = len(code_lines(path).intersection(lines))
            if count > _CODE_LINES_PER_FUNCTION_MAX:
                offences.append(f"{_place(path, function.lineno)} {function.name}: {count} lines")

    _assert_none(offences)


def test_lines_are_short() -> None:
    """No line of code, protos or build files is longer than 100 characters."""
    sources = [*_WRITTEN_FILES, *_ROOT.glob("protos/**/*.proto"), _ROOT / "Makefile"]
    sources += [_ROOT / "pyproject.toml", _ROOT / ".ci" / "run"]
    # What a checker is told at the end of a line is not read as text.
    told = re.compile(r"  # (?:type: ignore|noqa).*")
    offences = [
        f"{_place(path, number)} has {len(line)} characters"
        for path in sources
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(told.sub("", line)) > _CHARACTERS_PER_LINE_MAX
    ]

    _assert_none(offences)


def test_no_file_is_a_drawer() -> None:
    """Every module is named after what it knows, never after being useful."""
    _assert_none([_place(path) for path in _WRITTEN_FILES if path.stem in _VAGUE_FILES])


def _uses(pattern: str, components: set[str]) -> list[str]:
    banned = re.compile(pattern)
    return [
        f"{_place(path, line)} uses {name}"
        for path in _ENGINE_FILES
        if _component(path) in components
        for line, name in parts(path).names
        if banned.fullmatch(name)
    ]


def test_no_float_near_money() -> None:
    """Where amounts are, nothing becomes a float, and what computes them writes none at all."""
    floats = _uses(r"float\(\)|(?:np|numpy|pa|pyarrow)\.(?:float|double).*", _MONEY)
    proved = tuple(_place(path) for path in _DIVIDES_BY_RECIPROCALS)
    offences = [offence for offence in floats if not offence.startswith(proved)]
    offences += _uses(r"(?:np|numpy)\.(?:round|around|rint|vectorize)(?:\(\))?|round\(\)", _MONEY)
    for path in _ENGINE_FILES:
        if _component(path) in {"core", "settle"}:
            offences += [
                f"{_place(path, node.lineno)} writes {node.value}"
                for node in parts(path).constants
                if isinstance(node.value, float)
            ]

    _assert_none(offences)


def test_no_clock_below_the_edge() -> None:
    """Only the edge asks what time it is; the engine and all below it are told."""
    clock = r"(?:.*\.)?(?:datetime\.(?:now|utcnow)|date\.today|time\.time(?:_ns)?)"

    _assert_none(_uses(clock, _CLOCKLESS))


def test_only_commands_print() -> None:
    """Nothing but the command line and the demonstration writes to the terminal."""
    everything_else = {_component(path) for path in _ENGINE_FILES} - _TERMINAL

    _assert_none(_uses(r"print\(\)", everything_else))


def test_no_region_is_named_in_code() -> None:
    """No area's name or code stands in the package: what differs by region is a document."""
    offences = []
    for path in _ENGINE_FILES:
        text = path.read_text(encoding="utf-8")
        offences += [
            f"{_place(path, number)} names {found[0]}"
            for number, line in enumerate(text.splitlines(), 1)
            if (found := _REGION.search(line))
        ]
        offences += [
            f"{_place(path, node.lineno)} holds the area code {node.value!r}"
            for node in parts(path).constants
            if _AREA_CODE.fullmatch(str(node.value)) and node.value not in _FUND_CODES
        ]

    _assert_none(offences)


def test_every_test_states_its_fact() -> None:
    """Each test function has a docstring that says what it proves."""
    offences = []
    for path in _python_files("tests", "benchmarks"):
        tests = [
            function for function in parts(path).functions if function.name.startswith("test_")
        ]
        offences += [
            f"{_place(path, function.lineno)} {function.name} says nothing"
            for function in tests
            if ast.get_docstring(function) is None
        ]

    _assert_none(offences)


def test_tests_neither_wait_nor_pretend() -> None:
    """No test sleeps and none replaces a part of ours by a mock."""
    offences = []
    for path in _python_files("tests", "benchmarks"):
        offences += [
            f"{_place(path, line)} imports {name}"
            for line, name in _imports(path)
            if name.startswith(("unittest.mock", "mock.", "time.sleep", "asyncio.sleep"))
        ]
        offences += [
            f"{_place(path, line)} sleeps"
            for line, name in parts(path).names
            if name in {"time.sleep()", "asyncio.sleep()"}
        ]

    _assert_none(offences)


def test_decisions_are_complete() -> None:
    """Every decision record has a title with its number, and says what was refused and the cost."""
    offences = []
    records = sorted((_ROOT / "engine" / "decisions").glob("*.md"))
    for path in records:
        text = path.read_text(encoding="utf-8")
        if not re.fullmatch(r"\d{4}-[a-z0-9-]+", path.stem):
            offences.append(f"{_place(path)} is not named NNNN-title.md")
        if not re.match(rf"# (?:{path.stem[:4]}|{int(path.stem[:4])})\b.+", text):
            offences.append(f"{_place(path)} does not open with its number and title")
        offences += [
            f"{_place(path)} lacks {part}"
            for part in _DECISION_PARTS
            if not re.search(rf"^(?:#+ |\*\*){part}", text, re.IGNORECASE | re.MULTILINE)
        ]
    numbers = [path.stem[:4] for path in records]

    _assert_none(offences)
    assert sorted(set(numbers)) == numbers


def test_nothing_names_this_machine() -> None:
    """No tracked file holds a path of one machine or the address of a package index."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        pytest.skip("not a git checkout: what is tracked is unknown")
    listed = subprocess.run(
        [git, "ls-files", "-z"], cwd=_ROOT, capture_output=True, check=True, text=True
    )
    offences = []
    for name in filter(None, listed.stdout.split("\0")):
        path = _ROOT / name
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        offences += [
            f"{name}:{number} holds {found[0]}"
            for number, line in enumerate(text.splitlines(), 1)
            if (found := _MACHINE.search(line))
        ]

    _assert_none(offences)
