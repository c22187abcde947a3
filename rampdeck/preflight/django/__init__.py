"""The application itself, asked on its host: where it is, and what it says of itself."""

from rampdeck.preflight.django.answer import Answer
from rampdeck.preflight.django.asking import Wanted, ask, asks
from rampdeck.preflight.django.place import Hint, Place, find

__all__ = ["Answer", "Hint", "Place", "Wanted", "ask", "asks", "find"]
