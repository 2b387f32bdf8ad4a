"""`medsettle policy words`: the words of the rule language and the codes that documents use."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.cli.exits import Exit, Quit
from medsettle.cli.options import Json
from medsettle.cli.show import grid, print_table
from medsettle.core import code_words, codes
from medsettle.policy.confidence import CONFIDENCE_MEANINGS
from medsettle.policy.vocabulary import in_chinese, words

_LIST: dict[str, Mapping[str, tuple[str, str]]] = {
    "insurance_type 险种 (insutype)": {
        code: (codes.INSURANCE_TYPES[code], word)
        for code, word in code_words.INSURANCE_TYPE_WORDS.items()
    },
    "visit_type 医疗类别 (med_type)": {
        code: (codes.VISIT_TYPES[code], word) for code, word in code_words.VISIT_TYPE_WORDS.items()
    },
    "person_type 人员类别 (psn_type): a class has those that begin with its code": (
        code_words.PERSON_TYPE_WORDS
    ),
    "institution_level 就诊医院等级 (hosp_lv): a remembered pattern (KM); see your dictionary": (
        code_words.HOSPITAL_LEVEL_WORDS
    ),
    "confidence 可信度": CONFIDENCE_MEANINGS,
}
_WORDS = "words of the rule language 规则语言词汇"


def words_command(
    part: Annotated[str, typer.Argument(help="Only words with this in them.")] = "",
    list_codes: Annotated[
        bool, typer.Option("--codes", help="The codes of schemes, visits, persons and hospitals.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the words of the rule language in English and Chinese, or the codes with their words.

    A document may use either word of a pair; names are its own.
    """
    console = Console()
    tables = _code_tables(part) if list_codes else {_WORDS: _words(part)}
    if as_json:
        body = tables if list_codes else tables[_WORDS]
        console.out(orjson.dumps(body).decode(), highlight=False)
    else:
        for title, rows in tables.items():
            if rows:
                console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
                print_table(console, _table(rows, coded=list_codes))
    if not any(tables.values()):
        raise Quit(Exit.FINDING)


def _words(part: str) -> list[tuple[str, ...]]:
    return [(word, alias) for word, alias in words().items() if part in word or part in alias]


def _code_tables(part: str) -> dict[str, list[tuple[str, ...]]]:
    return {
        title: [
            (code if in_chinese(code) == code else f"{code} {in_chinese(code)}", *said)
            for code, said in listed.items()
            if any(part in text for text in (code, *said))
        ]
        for title, listed in _LIST.items()
    }


def _table(rows: Iterable[tuple[str, ...]], *, coded: bool) -> Table:
    table = grid(*("code", "English", "中文") if coded else ("English", "中文"))
    for row in rows:
        table.add_row(*map(escape, row))
    return table
