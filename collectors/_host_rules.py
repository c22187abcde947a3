"""What may be out of order on a host, how bad that is, and how long it must last to be told."""

from __future__ import annotations

from collections.abc import Mapping

from rampdeck.model import Severity

from ._states import Rule

RULES: Mapping[str, Rule] = {
    "listen_overflow": Rule("connections were thrown away: nobody accepted them in time", Severity.ERROR),
    "listen_queue_full": Rule("a listening socket holds nearly as many connections as may wait", after=1),
    "cpu_saturated": Rule("more than 90 % of the processor is taken", after=10),
    "steal_high": Rule("more than 5 % of the processor goes to other guests of the hypervisor", after=3),
    "memory_low": Rule("less than 10 % of the memory is available", after=3),
    "swapping": Rule("memory is written to swap or read back", after=3),
    "oom_kill": Rule("a process was killed for lack of memory", Severity.ERROR, lasts=False),
    "disk_saturated": Rule("a disk is busy more than 90 % of the time", after=10),
    "disk_full": Rule("a file system is more than 95 % full", Severity.ERROR),
    "too_many_files": Rule("more than 90 % of the files that may be open are, of the host or of a worker"),
    "conntrack_full": Rule("the firewall follows more than 90 % of the connections that it can"),
    "throttled": Rule("a container's processor was taken away in more than 10 % of the periods", after=3),
    "rebooted": Rule("the host was started anew: all that ran there as well", lasts=False),
    "container_memory_low": Rule("a container takes more than 95 % of the memory that it may have", after=3),
}
