"""A page of HTML as a test reads it: strictly nested elements, and the tables of figures."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}
# What HTML 5.2 to today's standard says may stand in these, as far as a report has them.
_INSIDE = {
    "table": {"caption", "thead", "tbody", "tr"},
    "thead": {"tr"},
    "tbody": {"tr"},
    "tr": {"th", "td"},
    "ul": {"li"},
    "details": {"summary", "pre"},
    "html": {"head", "body"},
    "head": {"meta", "title", "style"},
}


@dataclass
class Node:
    """An element with its attributes, and what stands in it."""

    tag: str
    attributes: dict[str, str]
    children: list["Node | str"] = field(default_factory=list)

    def text(self) -> str:
        """Return all text in it."""
        return "".join(each if isinstance(each, str) else each.text() for each in self.children)

    def all(self, tag: str) -> list["Node"]:
        """Return every element of a tag below it."""
        found = []
        for each in self.children:
            if isinstance(each, Node):
                found += [each] if each.tag == tag else []
                found += each.all(tag)
        return found

    def own_text(self) -> str:
        """Return its text without what stands small beside it."""
        return "".join(
            each if isinstance(each, str) else each.own_text()
            for each in self.children
            if isinstance(each, str) or each.attributes.get("class") != "beside"
        ).strip()


class Page(HTMLParser):
    """Reads a page; an end tag that ends nothing, or something else, is refused."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self._open = [self.root]
        self.declared = ""
        self.feed(text)
        self.close()
        assert [self.root] == self._open, f"<{self._open[-1].tag}> is never closed"

    def handle_decl(self, decl: str) -> None:
        """Keep the document type."""
        self.declared = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element, where it may stand."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        parent = self._open[-1].tag
        assert tag in _INSIDE.get(parent, {tag}), f"<{tag}> must not stand in <{parent}>"
        assert not (parent == "p" and tag in {"div", "p", "table", "ul", "section"})
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open and close an element."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open[-1].tag == tag, f"</{tag}> ends <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self._open[-1].children.append(data)

    def every(self) -> list[Node]:
        """Return every element of the page."""
        return _below(self.root)


def _below(node: Node) -> list[Node]:
    found = []
    for each in node.children:
        if isinstance(each, Node):
            found += [each, *_below(each)]
    return found
