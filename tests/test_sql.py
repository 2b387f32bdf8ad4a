"""Values reach a database as parameters, never as part of a statement.

Where a statement is put together at the place it is run, or given a name in that module, each piece
is a constant of the module, a text or name quoted by `core.sql_text`, or one of those listed here:
names of our own tables and columns, and conditions with `?` in place of values. A new piece fails
until somebody looks at it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import pytest
from medsettle.core.sql_text import literally, quoted

_PACKAGE: Final = Path(__file__).parents[1] / "engine" / "medsettle"
_RUN: Final = {"execute", "executemany", "executescript", "sql", "query"}
_CONSTANT: Final = re.compile(r"(?:\w+\.)?_?[A-Z][A-Z_0-9]*")
_QUOTED: Final = re.compile(r"(?:quoted|quoted_name)\(")
_QUOTING: Final = {"medsettle.core.sql_text", "medsettle.replay.baseline_proof"}

_PIECES: Final = {
    "audit/hours.py": {"HOURS * HOUR_US", "rows_of(TABLE, paths)"},
    "audit/query.py": {"name", "rows_of(table, paths)", "schema", "table"},
    "audit/three_books.py": {
        *("name", "' union all '.join(parts)", "'not ' + unlike if with_hub else 'true'"),
        "'not ' + unlike",
    },
    "books/fold.py": {"table"},
    "clearing/hospitals/store.py": {"columns", "marks", "table"},
    "clearing/matching/full_join.py": {
        *("_beside(books)", "_twice(books)", "_unlike(one, other)", "_wanted(books)"),
        *("book.side", "names"),
    },
    "clearing/matching/repeats.py": {
        *("asked", "back", "beside", "kinds", "shared", "time", "wanted", "where", "window"),
    },
    "clearing/matching/sources_audit.py": {
        *("', '.join(names)", "condition", "counted", "source"),
    },
    "clearing/months/book.py": {"columns", "counted", "days", "source"},
    "clearing/months/closing.py": {"closed", "name"},
    "clearing/months/tables.py": {
        *("', '.join(BILL_KEYS)", "', '.join(KEYS)", "', '.join(ROW_COLUMNS)", "_receivable()"),
        *("', '.join(told)", "behind", "by", "sums"),
        *(f"{each}.format(amount='share.fen')" for each in ("_ADJUSTED", "_DEDUCTED", "_FUND")),
        *("bound", "line", "line_sql()", "most", "name", "named", "sql", "wanted"),
    },
    "console/pages/clearing_days.py": {"line_sql()"},
    "console/pages/settlement_list.py": {"count", "order", "size - len(rows)", "text"},
    "gateway/directory_store.py": {
        *("fields", "file", "made", "marks", "name", "rest", "sheet.name"),
    },
    # The names are those of the list of indexes.
    "ledger/postgres_schema.py": {"index.name"},
    "ledger/side_file.py": {"form.application_id", "form.version"},
    "peers/case_counts.py": {"_COUNTS.format(area=area, table=table)"},
    "replay/compare_claims.py": {
        *("source", "persons.replace(f'from {source}', 'from claims_of_a_part')"),
    },
    "replay/from_audit.py": {"_within(areas)", "every", "table", "where", "within"},
    "replay/from_claims.py": {"by"},
    "replay/sorting.py": {"name", "names", "table"},
    "torture/postgres_server.py": {"schema"},
}


def _statements(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what is run as a statement, and what a name is given that is run as one."""
    nodes = list(ast.walk(tree))
    named = set()
    for node in nodes:
        if isinstance(node, ast.Call) and node.args and _called(node) in _RUN:
            yield node.args[0]
            named |= {node.args[0].id} if isinstance(node.args[0], ast.Name) else set()
    for node in nodes if named else ():
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id in named for each in targets):
                yield node.value


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _pieces(statement: ast.expr) -> Iterator[str]:
    """Yield what a statement is put together from beside its constant parts."""
    for part in ast.walk(statement):
        if isinstance(part, ast.FormattedValue):
            yield ast.unparse(part.value)
            continue
        joined = isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod | ast.Add)
        filled = isinstance(part, ast.Call) and _called(part) in {"format", "replace"}
        if joined or filled:
            yield ast.unparse(part)


def _quotes(tree: ast.Module) -> bool:
    """Return whether `quoted` is here what quotes for a database, and not for a message."""
    found = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in {"quoted", "quoted_name"}
    }
    return found <= _QUOTING


def _found() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in sorted(_PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not any(f".{name}(" in text for name in _RUN):
            continue
        tree = ast.parse(text)
        for statement in _statements(tree):
            for piece in _pieces(statement):
                if _CONSTANT.fullmatch(piece) or (_QUOTED.match(piece) and _quotes(tree)):
                    continue
                found.setdefault(path.relative_to(_PACKAGE).as_posix(), set()).add(piece)
    return found


def test_statements_are_made_of_what_is_ours() -> None:
    """Every piece of a statement is a constant, is quoted or was looked at; no list is stale."""
    found = _found()

    new = {file: pieces - _PIECES.get(file, set()) for file, pieces in found.items()}
    gone = {file: pieces - found.get(file, set()) for file, pieces in _PIECES.items()}
    assert {} == {file: pieces for file, pieces in new.items() if pieces}
    assert {} == {file: pieces for file, pieces in gone.items() if pieces}


@pytest.mark.parametrize(
    "evil", ["'", "''", "x' or 'a'='a", "'); drop table t; --", "\\'", 'x"y', "统筹';", "$1", "?"]
)
def test_a_quoted_text_is_that_text(evil: str) -> None:
    """Whatever is in it, a database reads it back as it was, and runs nothing."""
    with duckdb.connect() as connection:
        connection.execute("create table t as select 1 as one")
        assert (evil,) == connection.execute(f"select {quoted(evil)}").fetchone()
        assert (1,) == connection.execute("select count(*) from t").fetchone()


@pytest.mark.parametrize(
    "name", ["h*", "h?", "h[1]", "h[!x]", "[h]", "h]1[", "**", "h", "a,b", "'"]
)
def test_a_file_is_read_by_its_name_alone(tmp_path: Path, name: str) -> None:
    """Beside files that its name would stand for, were it a pattern."""
    with duckdb.connect() as connection:
        for each in {name, "h", "h1", "hx", "h2", "ab"}:
            (tmp_path / each).mkdir()
            file = tmp_path / each / "t.parquet"
            connection.execute(f"copy (select ? as name) to {quoted(str(file))}", [each])
        wanted = quoted(literally(tmp_path / name / "t.parquet"))
        assert [(name,)] == connection.execute(f"from read_parquet({wanted})").fetchall()
