"""What a host is made of: kernel, system, processors, memory, limits of the group that we are in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rampdeck.errors import SourceError
from rampdeck.facts import Fact, told
from rampdeck.remote import Shell

from ._facts_shell import script
from ._lines import text_of
from ._logfile import last_line

SCRIPT = script("facts_host")
_TOLD = {
    "kernel": ("kernel", "kernel", "uname -srm"),
    "system": ("system", "operating system", "/etc/os-release"),
    "processors": ("cores", "cores", "/proc/cpuinfo"),
    "model": ("cpu", "processor", "/proc/cpuinfo"),
    "Mem": ("memory", "memory", "/proc/meminfo"),
    "Swap": ("swap", "swap", "/proc/meminfo"),
    "machine": ("machine", "machine", "/sys/class/dmi/id/product_name"),
    "cpu.max": ("cpu_limit", "processor limit", "/sys/fs/cgroup/cpu.max"),
    "memory.max": ("memory_limit", "memory limit", "/sys/fs/cgroup/memory.max"),
    "somaxconn": ("somaxconn", "net.core.somaxconn", "/proc/sys/net/core/somaxconn"),
    "ports": ("local_ports", "local ports", "/proc/sys/net/ipv4/ip_local_port_range"),
    "overcommit": ("overcommit", "vm.overcommit_memory", "/proc/sys/vm/overcommit_memory"),
    "boot": ("boot_id", "boot", "/proc/sys/kernel/random/boot_id"),
}
"""What the script tells by its word: the fact's name and title, and where it is from."""
_OPTIONAL = {"machine", "cpu.max", "memory.max"}
"""What not every host has."""


async def host_facts(shell: Shell) -> tuple[Fact, ...]:
    """Ask a host once."""
    done = await shell.run(SCRIPT)
    if done.status:
        raise SourceError("the host does not tell what it is", last_line(done.stderr))
    lines = (line.partition("\t") for line in text_of(done.stdout).splitlines())
    return tuple(_facts({word: value.strip() for word, _, value in lines}))


def _facts(said: Mapping[str, str]) -> Iterator[Fact]:
    for word, (name, title, whence) in _TOLD.items():
        value = said.get(word, "")
        if not value and word in _OPTIONAL:
            continue
        if word in ("Mem", "Swap"):
            value = memory(int(value) * 1024) if value.isdecimal() else ""
        yield told(f"host.{name}", title, value, whence, "the host does not tell")


def memory(size: int) -> str:
    """Return bytes as a machine's memory is spoken of."""
    return "none" if not size else f"{size / 2**30:.1f} GiB"
