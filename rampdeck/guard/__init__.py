"""What keeps a mistake from becoming an incident: where the load may go, how much of it, and until when.

Whom users may contact (:mod:`.guard`, told by :mod:`.watch`) is held where a
socket connects, in the C code of CPython: it does not matter which client asks,
or how it came to ask, by a redirect, an absolute URL or a library of its own.
Rampdeck's own tasks are apart (:mod:`.apart`).
"""
