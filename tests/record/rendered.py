"""Markdown as a reader sees it: by a real renderer, with GitHub's tables and its bare links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

OURS = re.compile(r"</?details>|<summary>[\w ,:']+</summary>|\s")
"""The only HTML that may stand in a record."""
ALIVE = re.compile(r"(?<!\w)@\w|(?<![\w&])#\d|\bGH-\d|://|www\.|\w@\w+\.\w|:[A-Za-z+-][\w+-]*:|\$\S")
"""What GitHub makes something of once a page is rendered."""


def tokens(text: str) -> list[Token]:
    """All tokens, those within lines too."""
    reader = MarkdownIt("gfm-like")
    assert reader.linkify
    # GitHub takes http://, www. and mail addresses for links, but not example.com.
    reader.linkify.set({"fuzzy_link": False})
    found = []
    for token in reader.parse(text):
        found.append(token)
        found += token.children or ()
    return found


def harm(text: str) -> Iterator[str]:
    """Yield what is no longer text, though others wrote it."""
    for token in tokens(text):
        if token.type in ("html_block", "html_inline"):
            if left := OURS.sub("", token.content):
                yield f"HTML: {left}"
        elif token.type in ("link_open", "image"):
            yield f"{token.type}: {token.attrs}"
        elif token.type == "text" and (found := ALIVE.search(token.content)):
            yield f"{found[0]!r} in {token.content!r}"


def headings(text: str) -> list[str]:
    """The headings in their order, with their level."""
    found = tokens(text)
    return [
        f"{'#' * int(token.tag[1])} {found[place + 1].content}"
        for place, token in enumerate(found)
        if token.type == "heading_open"
    ]


def tables(text: str) -> list[list[list[str]]]:
    """The source of every table by rows and cells, each table as its renderer sees it."""
    lines = text.splitlines()
    return [
        [cells(line) for line in lines[token.map[0] : token.map[1]]]
        for token in tokens(text)
        if token.type == "table_open" and token.map
    ]


def cells(line: str) -> list[str]:
    """The cells of a row by both ways to read backslashes before a pipe, which must agree."""
    by_last = re.split(r"(?<!\\)\|", line.strip())
    by_pairs = re.findall(r"(?:\\.|[^|\\])*(?:\||$)", line.strip())[:-1]
    assert len(by_last) == len(by_pairs) + 1, line
    return [cell.strip() for cell in by_last[1:-1]]
