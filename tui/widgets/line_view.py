"""A widget that draws ready-made lines, and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ..drawing import EMPTY_LINE, Line, Tone, width_of
from ..signs import ASCII


class LineView(Widget):
    """Lines of spans on Textual's line interface.

    The screen shares its one thread with the load, so drawing is a cost that
    the measured times would show. Hence no layout, no renderables and no
    per-widget style pass here: :meth:`set_lines` compares the new lines with
    the old ones, and only what differs becomes strips and reaches the terminal.
    Borders are drawn as lines too (:class:`.pane.Pane`).
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone.value}" for tone in Tone}

    plain = False
    """Whether every glyph is drawn as ASCII; set once by the app for all."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._shown_lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._tones: dict[Tone, Style] = {}
        self._background: Color | None = None

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown, without colours."""
        return tuple(self._shown_lines)

    @property
    def text(self) -> str:
        """What is shown, as plain text."""
        return "\n".join("".join(text for text, _ in line) for line in self._shown_lines)

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines, from the top; repaints what differs from before."""
        before, width = self._shown_lines, self.size.width
        changed: list[Region] = []
        for y in range(max(len(lines), len(before))):
            new = lines[y] if y < len(lines) else EMPTY_LINE
            if y >= len(before) or new != before[y]:
                self._strips.pop(y, None)
                changed.append(Region(0, y, width, 1))
        if changed:
            self._shown_lines = list(lines)
            self.refresh(*changed)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the strips of a region; overrides the pass that adds CSS borders and padding."""
        width = self.size.width
        strips = [self._strip(y, width) for y in crop.line_range]
        if crop.column_span != (0, width):
            start, end = crop.column_span
            return [strip.crop(start, end) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """Return the strip of one line."""
        return self._strip(y, self.size.width)

    def notify_style_update(self) -> None:
        """Forget what was drawn when the theme, the focus or a class changes the colours."""
        super().notify_style_update()
        self._tones.clear()
        self._background = None
        self._strips.clear()

    def on_resize(self) -> None:
        """Draw anew: every strip has the width of the widget."""
        self._strips.clear()
        self.resized()

    def resized(self) -> None:
        """Lay the lines out for the new size; for subclasses."""

    def style_of(self, tone: Tone) -> Style:
        """Return the style that the stylesheet gives to a tone."""
        style = self._tones.get(tone)
        if style is None:
            style = self._tones[tone] = self.get_component_rich_style(f"tone--{tone.value}")
        return style

    def _strip(self, y: int, width: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            line = self._shown_lines[y] if y < len(self._shown_lines) else EMPTY_LINE
            strip = self._strips[y] = self._drawn(line, width)
        return strip

    def _drawn(self, line: Line, width: int) -> Strip:
        segments: list[Segment] = []
        length = 0
        plain = self.plain
        for text, tone in line:
            if text:
                shown = text.translate(ASCII) if plain else text
                length += width_of(shown)
                segments.append(Segment(shown, self.style_of(tone)))
        if length < width:
            segments.append(Segment(" " * (width - length), self.style_of(Tone.TEXT)))
            length = width
        strip = Strip(segments, length)
        if length > width:
            strip = strip.crop(0, width)
        for line_filter in self.get_line_filters():
            if self._background is None:
                self._background = self.background_colors[1]
            strip = strip.apply_filter(line_filter, self._background)
        return strip
