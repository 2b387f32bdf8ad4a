"""Charts as inline SVG that follows the colours and fonts of the page it stands in.

matplotlib draws without a display and without anything of this machine in its output. What it
writes is taken apart as XML: colours become those of the page, so that a chart is light or dark as
it is; names of parts are made the chart's own, so that many stand on one page; text stays text.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, Final, TypeAlias
from xml.etree import ElementTree

from medsettle.errors import Precondition

# Drawn with these colours, which become those of the page.
INK: Final = "#010101"
FAINT: Final = "#020202"
BEFORE: Final = "#030303"
AFTER: Final = "#040404"
GAIN: Final = "#050505"
LOSS: Final = "#060606"
OTHER: Final = "#070707"
_PAGE_COLOURS: Final = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    BEFORE: "var(--before)",
    AFTER: "var(--after)",
    GAIN: "var(--gain)",
    LOSS: "var(--loss)",
    OTHER: "var(--other)",
}
_STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "medsettle",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
_INCHES: Final = (4.8, 3.1)

_NAMESPACE: Final = re.compile(r"\{[^}]*\}")
_FONT: Final = re.compile(r"font:\s*(?:\S+\s+)*?([\d.]+)px[^;]*")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_GLYPH: Final = "Glyph .* missing from font"


def drawn(name: str, draw: Callable[[Any], None]) -> ElementTree.Element:
    """Return a chart as an `svg` element without namespaces, as HTML has it.

    Args:
        name: Unlike that of any other chart of the page.
        draw: Draws on matplotlib's axes, in the colours of this file.

    Raises:
        Precondition: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to load
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise Precondition(
            "charts need matplotlib, which is not installed; add it with "
            "`pip install 'medsettle[report]'`, or leave the charts out",
            package="matplotlib",
        ) from error
    sink = BytesIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Chinese words are shown in the fonts of the reader, and measured in one without them.
        warnings.filterwarnings("ignore", message=_GLYPH)
        figure = Figure(figsize=_INCHES, layout="constrained")
        draw(figure.subplots())
        figure.savefig(
            sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    return _of_page(name, ElementTree.fromstring(sink.getvalue()))  # noqa: S314 - ours


def _of_page(name: str, svg: ElementTree.Element) -> ElementTree.Element:
    """Return a chart with the colours, fonts and names of a page."""
    for part in list(svg):
        if _plain(part.tag) == "metadata":
            svg.remove(part)
    for part in svg.iter():
        part.tag = _plain(part.tag)
        for style in [child for child in part if _plain(child.tag) == "style"]:
            part.remove(style)
        given = dict(part.attrib)
        part.attrib.clear()
        for key, value in given.items():
            part.attrib[_plain(key)] = _attribute(name, _plain(key), value)
        part.tail = None
        if part.text is not None and not part.text.strip():
            part.text = None
    # Sized by the page.
    for key in ("width", "height", "version"):
        svg.attrib.pop(key, None)
    return svg


def _plain(tag: str) -> str:
    return _NAMESPACE.sub("", tag)


def _attribute(name: str, key: str, value: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return f"#{name}-{value.removeprefix('#')}"
    value = _REFERENCE.sub(rf"url(#{name}-\1)", value)
    if key == "style":
        value = _FONT.sub(r"font-size: \1px", value)
        for colour, of_page in _PAGE_COLOURS.items():
            value = value.replace(colour, of_page)
    return value


Unit: TypeAlias = tuple[int, str, str]
"""A unit of money: its fen, and its words in both languages."""


def scaled(amounts_fen: Sequence[int]) -> Unit:
    """Return in which unit amounts are drawn: its fen, and its words in both languages.

    >>> scaled([5, -3_000_000_00])
    (1000000, '10,000 yuan', '万元')
    """
    most = max((abs(fen) for fen in amounts_fen), default=0)
    for fen, english, chinese in _UNITS:
        if most >= fen:
            return fen, english, chinese
    return 100, "yuan", "元"


_UNITS: Final = (
    (1_000_000_000_000, "10 billion yuan", "百亿元"),
    (10_000_000_000, "100 million yuan", "亿元"),
    (1_000_000, "10,000 yuan", "万元"),
)
