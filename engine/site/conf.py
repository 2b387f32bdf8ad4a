"""How the pages of this repository become one site, read where they lie.

    make site    writes .venv/site, which any browser opens from the disk

Nothing is fetched, neither when it is made nor when it is read.
"""

from pathlib import Path

from docutils.nodes import document  # type: ignore[import-untyped]
from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

project = "medsettle"
author = "the authors of medsettle"
language = "en"
root_doc = "engine/guides/index"
source_suffix = {".md": "markdown"}
include_patterns = [
    "*.md",
    "engine/*.md",
    "engine/decisions/*.md",
    "engine/deployment/README.md",
    "engine/guides/*.md",
    "rules/README.md",
    "fixtures/README.md",
    "fixtures/population/README.md",
    "benchmarks/*.md",
]

extensions = ["myst_parser"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "medsettle"
html_copy_source = False
html_show_sphinx = False
# A page of its own at the top of the folder, where people look for one.
html_additional_pages = {"index": "front.html"}
templates_path = ["."]


def setup(app: Sphinx) -> None:
    """Teach Sphinx what these pages have and it does not know."""
    app.add_lexer("csv", TextLexer)
    app.connect("doctree-read", _without_folders)


def _without_folders(app: Sphinx, page: document) -> None:
    """Put the words of links to folders, which a checkout has and a site has not, in their place.

    Any other link that leads nowhere stays a fault.
    """
    here = Path(app.env.doc2path(app.env.docname)).parent
    for link in list(page.findall(pending_xref)):
        if (here / str(link.get("reftarget"))).is_dir():
            link.replace_self(link.children)
