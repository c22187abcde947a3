"""The two themes of the cockpit. Every theme of Textual works as well.

Three accents, each with one meaning: primary is the focus, success, warning and
error are states. Everything else is a shade of the text.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="rampdeck-dark",
    dark=True,
    primary="#7aa7ff",
    secondary="#8ea3bd",
    accent="#7aa7ff",
    success="#6cc98b",
    warning="#e8b450",
    error="#ff6f6b",
    foreground="#d6dde6",
    background="#11151b",
    surface="#161b23",
    panel="#2f3a47",
    variables={"footer-key-foreground": "#d6dde6", "input-selection-background": "#7aa7ff 35%"},
)

LIGHT = Theme(
    name="rampdeck-light",
    dark=False,
    primary="#0b5cc4",
    secondary="#4f6478",
    accent="#0b5cc4",
    success="#18743a",
    warning="#8f5b00",
    error="#c2202b",
    foreground="#1d2732",
    background="#fbfcfd",
    surface="#f1f4f7",
    panel="#c6d0da",
    variables={"footer-key-foreground": "#1d2732", "input-selection-background": "#0b5cc4 25%"},
)

OWN = (DARK, LIGHT)
