"""A defect of Rampdeck's own, told in a sentence: what raised what, and where.

At a supervising edge it must cost nothing but the piece that has it, and it
must never look like a verdict: a run with one ends with exit code 5.
"""

from __future__ import annotations

import traceback
from pathlib import Path


def told(error: BaseException) -> str:
    """Say what is wrong and where, for whoever mends it: ``TypeError: ... (page.py:31)``."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
