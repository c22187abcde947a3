"""Secrets that tests hide in text, and what it is to have taken them out."""

from rampdeck.secrets import redact

SECRET = "hunter2-S3cr3t"
HEX = "5f4dcc3b5aa765d61d8327deb882cf99"


def is_taken_out(text: str) -> bool:
    """Tell whether a text loses its secrets, and loses nothing more when it is looked through again."""
    left = redact(text)
    return SECRET not in left and HEX not in left and redact(left) == left
