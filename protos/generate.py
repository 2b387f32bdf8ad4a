"""Generates `medsettle.v1` and the descriptor set from the protos of this folder.

    python protos/generate.py           writes engine/medsettle/v1 and protos/medsettle/v1/api.binpb
    python protos/generate.py OUT       writes OUT/medsettle/v1, for the drift test
    python protos/generate.py OUT --descriptors FILE    writes the descriptor set into FILE as well

The output depends on the protos and on the pinned versions of grpcio-tools and mypy-protobuf only.
The proto path and the import path agree, so no generated import is rewritten.
"""

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

import google.api  # type: ignore[import-untyped]
from google.protobuf import descriptor_pb2
from grpc_tools import protoc  # type: ignore[import-untyped]

PROTOS = Path(__file__).parent
PACKAGE = Path("medsettle/v1")
DESCRIPTOR_SET = PROTOS / PACKAGE / "api.binpb"
ENGINE = PROTOS.parent / "engine"

_PACKAGE_DOCSTRING = '"""Messages and services of `medsettle.v1`, generated from `protos/`."""\n'


def sources() -> list[str]:
    """Return the paths of all protos, relative to this folder, sorted."""
    return sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))


def _run(*arguments: str) -> None:
    # google/api and google/type come with googleapis-common-protos, google/protobuf with the tools.
    common = Path(next(iter(google.api.__path__))).parents[1]
    bundled = resources.files("grpc_tools") / "_proto"
    includes = [f"--proto_path={path}" for path in (PROTOS, common, bundled)]
    if protoc.main(["protoc", *includes, *arguments, *sources()]) != 0:
        raise SystemExit("protoc refused the protos; its messages are above")


def _plugin(name: str) -> str:
    return f"--plugin={name}={Path(sys.executable).parent / name}"


def descriptor_set(*, source_info: bool) -> descriptor_pb2.FileDescriptorSet:
    """Return the descriptors of our own files, with comments where `source_info` is set."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "api.binpb"
        _run(f"--descriptor_set_out={out}", *(["--include_source_info"] if source_info else []))
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def generate(out: Path) -> None:
    """Write the generated package into `out`/medsettle/v1.

    Files of an earlier generation that no proto makes any more are removed.
    """
    package = out / PACKAGE
    with tempfile.TemporaryDirectory() as folder:
        _run(
            _plugin("protoc-gen-mypy"),
            _plugin("protoc-gen-mypy_grpc"),
            *(f"--{kind}_out={folder}" for kind in ("python", "grpc_python")),
            *(f"--{kind}_out=quiet:{folder}" for kind in ("mypy", "mypy_grpc")),
        )
        made = {path.name: path.read_bytes() for path in (Path(folder) / PACKAGE).iterdir()}
    made["__init__.py"] = _PACKAGE_DOCSTRING.encode()
    package.mkdir(parents=True, exist_ok=True)
    for stale in package.glob("*.py*"):
        if stale.name not in made:
            stale.unlink()
    for name, content in made.items():
        (package / name).write_bytes(content)


def main() -> None:
    """Parse the command line and generate."""
    parser = argparse.ArgumentParser(description="Generate medsettle.v1 from the protos.")
    parser.add_argument("out", type=Path, nargs="?", help="source root to write into")
    parser.add_argument("--descriptors", type=Path, help="file for the descriptor set")
    chosen = parser.parse_args()
    out: Path | None = chosen.out
    descriptors: Path | None = chosen.descriptors
    generate(out or ENGINE)
    if out is None:
        descriptors = descriptors or DESCRIPTOR_SET
    if descriptors is not None:
        # Without comments: a better comment is no change of the interface.
        released = descriptor_set(source_info=False)
        descriptors.write_bytes(released.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
