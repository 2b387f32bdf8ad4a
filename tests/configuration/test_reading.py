"""Settings by option, environment, file and default: which goes first, and what is wrong."""

from pathlib import Path

import pytest
from generate_configuration import page
from medsettle import limits
from medsettle.configuration.reading import changed, effective
from medsettle.configuration.setting import Kind
from medsettle.configuration.table import BY_NAME, SETTINGS
from medsettle.errors import InvalidRequest

_PAGE = Path(__file__).parents[2] / "engine" / "configuration.md"


def _file(folder: Path, text: str) -> Path:
    path = folder / "medsettle.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _faults(
    file: Path | None, environment: dict[str, str], options: dict[str, str] | None = None
) -> list[str]:
    with pytest.raises(InvalidRequest) as told:
        effective(file, environment, options)
    return [str(each) for each in told.value.faults]


def test_an_option_goes_before_a_variable_before_the_file(tmp_path: Path) -> None:
    """Each place is heard where those before it say nothing, and each value says where from."""
    file = _file(tmp_path, 'listen = "a:1"\nmetrics = "a:2"\nconsole = "a:3"\ndata = "kept"\n')
    found = effective(
        file,
        {"MEDSETTLE_LISTEN": "b:1", "MEDSETTLE_METRICS": "b:2"},
        {"listen": "c:1"},
    )

    expected = {
        "listen": ("c:1", "--listen"),
        "metrics": ("b:2", "MEDSETTLE_METRICS"),
        "console": ("a:3", f"{file}:3"),
        "data": (tmp_path / "kept", f"{file}:4"),
        "proxy": ("127.0.0.1", "default"),
    }
    assert expected == {name: (found.values[name], found.origins[name]) for name in expected}


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    """MEDSETTLE_CONFIG is heard where no option names one, and an option goes before it."""
    file = _file(tmp_path, "drain_seconds = 7")
    (tmp_path / "other").mkdir()
    other = _file(tmp_path / "other", "drain_seconds = 8")
    named = {"MEDSETTLE_CONFIG": str(file)}

    assert 7 == effective(None, named).number("drain_seconds")
    assert 8 == effective(other, named).number("drain_seconds")


def test_all_faults_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    """File with line, variable and option; unknown names with the nearest known one."""
    file = _file(
        tmp_path,
        '# settings\nlisen = "a:1"\nno_sign_in = "yes"\n\ndrain_seconds = 301\n'
        'metrics = "nowhere"\nhost = "a"\nxyzzy = 1\n[rules]\nfolder = "x"\n',
    )
    told = _faults(
        file,
        {"MEDSETTLE_LISTS": "lists", "MEDSETTLE_DRAIN_SECOND": "5", "MEDSETTLE_UNRELATED": "x"},
        {"takeover_seconds": "soon"},
    )

    for place, said in (
        ("--takeover-seconds", "expected a whole number, found 'soon'"),
        ("MEDSETTLE_DRAIN_SECOND", "did you mean MEDSETTLE_DRAIN_SECONDS?"),
        (f"{file}:2", "'lisen' is no setting; did you mean listen?"),
        (f"{file}:3", "no_sign_in: expected true or false, found 'yes'"),
        (f"{file}:5", "301 lies outside 0 to 300"),
        (f"{file}:6", "metrics: asks for a host and port, not 'nowhere'"),
        (f"{file}:7", "expected a list of texts, found 'a'"),
        (f"{file}:8", "'xyzzy' is no setting; `medsettle config show` lists them all"),
        (f"{file}:9", "rules: expected a text in quotes"),
        ("MEDSETTLE_LISTS", "lists does nothing without list_keys"),
    ):
        assert [True] == [said in each for each in told if each.startswith(f"{place}: ")], place
    assert 10 == len(told)


def test_a_file_that_is_no_toml_is_told_with_its_place(tmp_path: Path) -> None:
    """The line and column of the fault are those of the reader of TOML."""
    file = _file(tmp_path, 'listen = "a:1"\nmetrics =\n')

    (told,) = _faults(file, {})
    assert f"{file}: no TOML: " in told
    assert "line 2" in told


@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.kind is Kind.INTEGER])
def test_numbers_have_bounds(setting: object) -> None:
    """The least and the most are taken, and one beyond either is not."""
    each = BY_NAME[getattr(setting, "name", "")]
    for value in (each.least, each.most):
        assert value == effective(None, {each.variable: str(value)}).number(each.name)
    for value in (each.least - 1, each.most + 1):
        assert "lies outside" in _faults(None, {each.variable: str(value)})[0]


def test_a_file_has_a_bounded_size(tmp_path: Path) -> None:
    """A file as long as may be is read, one byte more is refused unread."""
    most = limits.CONFIG_FILE_BYTES_MAX
    assert effective(_file(tmp_path, "#" * most), {}).values
    (told,) = _faults(_file(tmp_path, "#" * (most + 1)), {})
    assert f"{most + 1} bytes, more than {most}" in told


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:geheim@db/x", "postgresql://u:***@db/x"),
        ("postgresql://u@db/x?password=geheim&a=b", "postgresql://u@db/x?password=***&a=b"),
        ("postgresql://u@db/x", "postgresql://u@db/x"),
    ],
)
def test_passwords_are_not_shown(address: str, shown: str) -> None:
    """Whoever looks at the settings learns no password, wherever an address has it."""
    assert shown == BY_NAME["ledger"].shown(address)


def test_a_password_in_a_file_that_others_read_is_a_fault(tmp_path: Path) -> None:
    """Only its owner and group may read such a file; one without a password may be anybody's."""
    file = _file(tmp_path, 'listen = "a:1"\nledger = "postgresql://u:geheim@db/x"\n')
    for mode in (0o644, 0o602, 0o660):
        file.chmod(mode)
        (told,) = _faults(file, {})
        assert (
            f"{file}:2: ledger has a secret, and others may read the file (mode {mode:o})" in told
        )
        assert "MEDSETTLE_LEDGER" in told
        assert "geheim" not in told
    file.chmod(0o640)
    assert "postgresql://u:geheim@db/x" == effective(file, {}).text("ledger")
    file = _file(tmp_path, 'ledger = "postgresql://u@db/x"\n')
    file.chmod(0o644)
    assert "postgresql://u@db/x" == effective(file, {}).text("ledger")


def test_what_changed_is_what_may_be_used_and_what_waits() -> None:
    """A setting that can be used at once and one that needs a restart, and none besides."""
    before = effective(None, {})
    after = effective(None, {"MEDSETTLE_DRAIN_SECONDS": "5", "MEDSETTLE_METRICS": "a:1"})
    used, waiting = changed(before, after)

    assert (["drain_seconds"], ["metrics"]) == (
        [each.name for each in used],
        [each.name for each in waiting],
    )


def test_every_setting_is_described_once() -> None:
    """Names are words, every name is there once, and what one needs exists."""
    assert len(BY_NAME) == len(SETTINGS)
    for each in SETTINGS:
        assert each.name.replace("_", "").isalpha()
        assert each.meaning.endswith(".")
        assert set(each.needs) <= set(BY_NAME)


def test_the_page_is_up_to_date() -> None:
    """`engine/configuration.md` is what `make schema` writes now."""
    assert page() == _PAGE.read_text(encoding="utf-8")


def test_all_that_paths_name_and_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    """Beside what else is wrong, each with its line; what a server makes itself is none of it."""
    (tmp_path / "rules").write_text("no folder", encoding="utf-8")
    file = _file(
        tmp_path,
        'rules = "rules"\ndata = "made"\nseal_key = "no.pem"\nseal_origin = "a/b"\n'
        'access_tokens = "no.tokens"\nlog = "logs/server.log"\npseudonym_keys = "made"\n'
        "sloww = 1\n",
    )
    with pytest.raises(InvalidRequest) as told:
        effective(file, {}, looking=True)

    said = [str(each) for each in told.value.faults]
    assert len(said) == 5, said
    for line, words in (
        (1, f"rules: {tmp_path / 'rules'} is no folder"),
        (3, f"seal_key: {tmp_path / 'no.pem'} does not exist"),
        (5, f"access_tokens: {tmp_path / 'no.tokens'} does not exist"),
        (6, f"log: the folder {tmp_path / 'logs'} does not exist; make it"),
        (8, "is no setting"),
    ):
        assert any(f"{file}:{line}" in each and words in each for each in said), (line, said)


def test_the_log_is_a_path_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """As every other path; a dash is standard error wherever it stands."""
    named = effective(_file(tmp_path, 'log = "server.log"\n'), {}, looking=True)
    dashed = effective(_file(tmp_path, 'log = "-"\n'), {}, looking=True)

    assert (str(tmp_path / "server.log"), "-") == (named.text("log"), dashed.text("log"))
    assert "x.log" == effective(None, {"MEDSETTLE_LOG": "x.log"}).text("log")
