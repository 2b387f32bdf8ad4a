"""What files of Python are made of: each is read and walked through once for all who ask."""

import ast
import tokenize
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Parts:
    """What tests look at in a file, found in one walk through it."""

    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    constants: list[ast.Constant] = field(default_factory=list)
    names: list[tuple[int, str]] = field(default_factory=list)
    """Line and dotted text of every attribute used and of every call, which ends in `()`."""


@cache
def parts(path: Path) -> Parts:
    """Return the parts of a file of Python; a second question costs nothing."""
    found = Parts()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call():
                found.names.append((node.lineno, f"{_dotted(node.func)}()"))
            case ast.Attribute():
                found.names.append((node.lineno, _dotted(node)))
            case ast.Constant():
                found.constants.append(node)
            case ast.Import() | ast.ImportFrom():
                found.imports.append(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.functions.append(node)
            case ast.ClassDef():
                found.classes.append(node)
    return found


def _dotted(node: ast.expr) -> str:
    """Return the names of an attribute, joined by dots; what is no name is told by a question."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(names))


@cache
def code_lines(path: Path) -> frozenset[int]:
    """Return the numbers of lines that hold code: no comment, no blank, no docstring."""
    silent = {
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
        *(tokenize.ENDMARKER, tokenize.ENCODING),
    }
    with path.open("rb") as source:
        tokens = [token for token in tokenize.tokenize(source.readline) if token.type not in silent]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in [*parts(path).functions, *parts(path).classes]:
        first = node.body[0]
        if ast.get_docstring(node, clean=False) is not None and first.end_lineno is not None:
            lines -= set(range(first.lineno, first.end_lineno + 1))
    return frozenset(lines)
