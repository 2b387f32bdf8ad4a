"""What a command says where the disk fails under it: which file, the cause, and what to do."""

import json
from pathlib import Path

import pytest
from medsettle import durable
from medsettle.cli.exits import Exit, Quit, told
from rich.console import Console

from tests.full_disk import disk_full_after


@pytest.mark.parametrize("as_json", [False, True])
def test_a_full_disk_is_no_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """The file is named, also where a descriptor failed; whoever has freed the disk goes on."""
    path = tmp_path / "manifest.json"
    with (
        disk_full_after(4_096),
        pytest.raises(Quit) as caught,
        told(Console(), as_json=as_json, refused=Exit.USAGE),
    ):
        durable.put(path, b"x" * 10_000)

    said = capsys.readouterr()
    words = json.loads(said.out) if as_json else {"error": said.err.split()[0]}
    assert (Exit.UNAVAILABLE, "STORE_UNAVAILABLE") == (caught.value.code, words["error"])
    text = words["messages"][0] if as_json else " ".join(said.err.split())
    assert f"{path}: File too large. Free the disk" in text
    assert "give the command again: what was finished is kept" in text
    assert not path.exists()


def test_a_right_that_is_missing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the system tells it, with what to do."""
    error = PermissionError(13, "Permission denied", str(tmp_path))
    with pytest.raises(Quit) as caught, told(Console(), as_json=False):
        raise error

    assert Exit.USAGE == caught.value.code
    said = " ".join(capsys.readouterr().err.split())
    assert f"{tmp_path}: Permission denied; give this account the right, or name another" in said
