"""Nginx on a host: its masters, the files of a configuration, and what stands in them."""

from rampdeck.nginx.files import READ, Configuration, read
from rampdeck.nginx.masters import Master, build, masters
from rampdeck.nginx.tree import Block, Words, seconds, tree

__all__ = ["READ", "Block", "Configuration", "Master", "Words", "build", "masters", "read", "seconds", "tree"]
