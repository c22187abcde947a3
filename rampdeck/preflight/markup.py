"""What a page of the target says to a browser: the files that it needs, and the form to log in with."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

CSRF = "csrfmiddlewaretoken"


@dataclass
class Form:
    """A form: where it is sent, empty for the page's own address, and its fields with their values."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """Reads a page; ``files`` are as the page writes them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files: list[str] = []
        self.forms: list[Form] = []
        self._open: Form | None = None
        self.feed(text)
        self.close()

    def form(self, *fields: str) -> Form | None:
        """Return the first form that has fields of these names."""
        return next((form for form in self.forms if all(name in form.fields for name in fields)), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a file, a form, or a field of the form that is open."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""))
            self.forms.append(self._open)
        elif tag == "input" and self._open is not None and (name := given.get("name")):
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked and given.get("type") not in ("submit", "button", "image", "reset"):
                self._open.fields.setdefault(name, given.get("value", ""))
        elif tag in ("script", "img"):
            self._file(given.get("src", ""))
        elif tag == "link" and {"stylesheet", "icon", "preload"} & set(given.get("rel", "").lower().split()):
            self._file(given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a form."""
        if tag == "form":
            self._open = None

    def _file(self, address: str) -> None:
        if address and not address.startswith(("data:", "blob:", "#")):
            self.files.append(address.strip())
