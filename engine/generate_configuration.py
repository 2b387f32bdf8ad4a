"""Write `engine/configuration.md`, the page of all settings, from `medsettle.configuration.table`.

`make schema` runs it, and a test compares the page with what it would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle.configuration.setting import Kind
from medsettle.configuration.table import SETTINGS

_INTRODUCTION: Final = """\
# Settings

Written by `make schema` from `engine/medsettle/configuration/table.py`; change that file, not this
page.

A server is told what it serves by options of `medsettle serve`, by variables of its environment, or
by one file. An option goes before a variable, a variable before the file, the file before the
default.

```toml
# medsettle.toml
rules = "rules"
data = "/var/lib/medsettle"
listen = "0.0.0.0:50051"
metrics = "127.0.0.1:9464"
drain_seconds = 10
```

```text
medsettle config check medsettle.toml            # every fault at once, each with its line
medsettle config show --config medsettle.toml    # every value, and where it comes from
medsettle serve --config medsettle.toml          # or MEDSETTLE_CONFIG=medsettle.toml
```

- A name that is no setting is a fault, and the nearest one is named; so is a variable that is
  nearly one.
- A relative path in the file is taken from the folder of the file, one in an option or a variable
  from where the command runs. In a variable a list is written with commas.
- A setting that does nothing without another is a fault where that is missing.
- A file or folder that a setting names and that is not there is a fault, for `config check` as for
  `serve`; data and keys of pseudonyms, which the server makes, need not be there.
- `config show` hides passwords. Keys and tokens stand in files of their own, which settings name.
- SIGHUP reads the settings again, with rules, invalid lists and the directory. What is marked *at
  once* is in use from then on; what else was changed is told, and waits for a restart. Where the
  file has a fault all stays as it is.

| setting | kind | default | in use | meaning |
|---|---|---|---|---|
"""

_NAMES: Final = """
The option is the name with hyphens after `--`, such as `--list-keys`; the variable is the name in
capitals after `MEDSETTLE_`, such as `MEDSETTLE_LIST_KEYS`.
"""


def page() -> str:
    """Return the whole page as Markdown, ending in a newline."""
    return _INTRODUCTION + "\n".join(_rows()) + "\n" + _NAMES


def _rows() -> Iterator[str]:
    for each in SETTINGS:
        kind = str(each.kind)
        if each.kind is Kind.INTEGER:
            kind = f"{each.least} to {each.most}"
        default = each.shown(each.default)
        needs = f" Needs {', '.join(f'`{name}`' for name in each.needs)}." if each.needs else ""
        when = "at once" if each.reloadable else "at a restart"
        shown = f"`{default}`" if default else "–"
        yield f"| `{each.name}` | {kind} | {shown} | {when} | {each.meaning}{needs} |"


def main() -> None:
    """Write the page to the file named on the command line."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
