"""What a page of a run may consist of: its own elements, pictures inside of it, links to files beside it, no script."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "h1", "h2", "p", "span", "pre", "div"),
    *("b", "strong", "figure", "img", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "a"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "alt", "src", "href"}
LINKS = {"history.csv", "metrics.json", "run.json", "model.keras", "error.log", "plots/"}
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Page(HTMLParser):
    """A page read as a browser reads it: `text`, `pictures` as bytes by their kind, and `faults`, what may not be on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.pictures: list[tuple[str, bytes]] = []
        self.policies: list[str] = []
        self._texts: list[str] = []
        self.feed(html)
        self.close()
        if self.policies != [POLICY]:
            self.faults.append(f"policy {self.policies}")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.faults += [tag] if tag not in TAGS else []
        self.faults += [f"{tag} {name}" for name in told if name not in ATTRIBUTES]
        self.faults += [f"link to {told['href']}"] if "href" in told and told["href"] not in LINKS else []
        if tag == "img":
            found = re.fullmatch(r"data:image/(svg\+xml|png);base64,([A-Za-z0-9+/=]+)", told["src"])
            self.faults += [] if found else [f"picture {told['src'][:80]}"]
            self.pictures += [(found[1], base64.b64decode(found[2]))] if found else []
        if told.get("http-equiv"):
            self.policies.append(told["content"])

    def handle_data(self, data):
        self._texts.append(data)

    def handle_comment(self, data):
        self.faults.append(f"comment {data}")
