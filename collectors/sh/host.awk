# An empty line asks for a reading. Any other line comes from the loops beside and is part of the next reading.
# What is read goes out as it stands, "FILE<tab>LINE"; left out is only what nobody looks at.

function say(name, line) { out = out name "\t" line "\n" }

function tell(name, path,    line) {
    while ((getline line < path) > 0) say(name, line)
    close(path)
}

function matching(name, pattern, but,    path, line) {
    path = proc "/" name
    while ((getline line < path) > 0) if (line ~ pattern && (but == "" || line !~ but)) say(name, line)
    close(path)
}

# Counters of TCP stand as a line of names and a line of values.
function counters(name, path, group, wanted,    line, cells, n, i) {
    while ((getline line < path) > 0) {
        if (index(line, group) != 1) continue
        if (!(group in columns)) {
            n = split(line, cells, " ")
            columns[group] = ""
            for (i = 2; i <= n; i++) if (index(wanted, " " cells[i] " ")) columns[group] = columns[group] cells[i] " " i " "
        }
        if ((getline line < path) <= 0) break
        split(line, cells, " ")
        n = split(columns[group], found, " ")
        for (i = 1; i < n; i += 2) {
            say(name, found[i] " " cells[found[i + 1]])
            if (name == "net/netstat" && found[i] == "ListenOverflows") overflows = cells[found[i + 1]]
        }
        break
    }
    close(path)
}

function tcp_counters(prefix, folder) {
    counters(prefix "net/netstat", folder "/net/netstat", "TcpExt:", " ListenOverflows ListenDrops ")
    if (prefix == "") counters("net/snmp", folder "/net/snmp", "Tcp:", " CurrEstab RetransSegs OutSegs ")
}

# Listening sockets come first in these files: the many others are never asked for.
function listeners(name, path,    line, cells, waiting) {
    waiting = 0
    while ((getline line < path) > 0) {
        split(line, cells, " ")
        if (cells[1] == "sl") continue
        if (cells[4] != "0A") break
        if (cells[5] !~ /:00000000$/) waiting++
        say(name, cells[2] " " cells[5])
    }
    close(path)
    return waiting
}

# A connection to a unix socket that nobody has accepted yet has the socket's path and the state 02.
function unix_listeners(path,    line, cells, waiting, name) {
    unix_sockets = 0
    split("", waiting)
    while ((getline line < path) > 0) {
        unix_sockets++
        if (split(line, cells, " ") < 8) continue
        if (cells[6] == "02") waiting[cells[8]]++
        else if (all && cells[4] == "00010000" && cells[5] != "0002") waiting[cells[8]] += 0
    }
    close(path)
    say("net/unix", "sockets " unix_sockets)
    for (name in waiting) if (name != "Path") say("net/unix", name " " waiting[name])
}

function ss(    command, line) {
    command = "ss -lntxm 2>/dev/null"
    while ((command | getline line) > 0) if (line !~ /^u_dgr/) say("ss", line)
    close(command)
}

function processes(    n, i, pid, line, path, list, kids, many, k) {
    n = 0
    for (pid in watched) list[++n] = pid
    for (i = 1; i <= n; i++) {
        pid = list[i]
        path = proc "/" pid "/stat"
        if ((getline line < path) > 0) say("pid", line)
        else delete watched[pid]
        close(path)
        path = proc "/" pid "/task/" pid "/children"
        if ((getline line < path) > 0) {
            many = split(line, kids, " ")
            for (k = 1; k <= many; k++) {
                if (!(kids[k] in watched)) { watched[kids[k]] = 1; list[++n] = kids[k] }
            }
        }
        close(path)
    }
}

# Of many containers eight are read at a time. Limits and what is dear (memory.stat) come every fifth time.
function box(i,    cells, name, slow, period) {
    split(boxes[i], cells, "\t")
    name = "box/" cells[2] "/"
    say(name "is", cells[3])
    period = int((many_boxes + 7) / 8)
    slow = !(boxes[i] in told) || (beat + i) % (5 * period) == 0
    if (!slow && (beat + i) % period) return
    told[boxes[i]] = 1
    tell(name "cpu.stat", cells[5] "/cpu.stat")
    if (cells[3] == 2) {
        tell(name "memory.current", cells[7] "/memory.current")
        tell(name "memory.events", cells[7] "/memory.events")
        tell(name "io.stat", cells[9] "/io.stat")
        if (slow) {
            tell(name "cpu.max", cells[5] "/cpu.max")
            tell(name "memory.max", cells[7] "/memory.max")
        }
    } else {
        tell(name "cpuacct.usage", cells[6] "/cpuacct.usage")
        tell(name "memory.usage_in_bytes", cells[7] "/memory.usage_in_bytes")
        tell(name "memory.oom_control", cells[7] "/memory.oom_control")
        tell(name "blkio", cells[9] "/blkio.throttle.io_service_bytes")
        if (slow) {
            tell(name "cpu.cfs_quota_us", cells[5] "/cpu.cfs_quota_us")
            tell(name "cpu.cfs_period_us", cells[5] "/cpu.cfs_period_us")
            tell(name "memory.limit_in_bytes", cells[7] "/memory.limit_in_bytes")
        }
    }
    if (slow) {
        tell(name "pids.current", cells[8] "/pids.current")
        tell(name "pids.max", cells[8] "/pids.max")
        memory_stat(name "memory.stat", cells[7] "/memory.stat")
    }
    if (cells[4] > 0) {
        tcp_counters(name, proc "/" cells[4])
        # The kernel goes through the connections of all containers for it: each second only where some wait.
        if (slow || waiting_in[cells[2]]) {
            say(name "net/tcp", "read")
            waiting_in[cells[2]] = listeners(name "net/tcp", proc "/" cells[4] "/net/tcp")
            waiting_in[cells[2]] += listeners(name "net/tcp", proc "/" cells[4] "/net/tcp6")
        }
    }
}

function memory_stat(name, path,    line) {
    while ((getline line < path) > 0) {
        if (line ~ /^(inactive_file|total_inactive_file|hierarchical_memory_limit) /) say(name, line)
    }
    close(path)
}

function reading(    i) {
    beat++
    all = beat % 10 == 1
    if (all) say("all", "listeners")
    matching("stat", "^(cpu |procs_running |procs_blocked )")
    matching("meminfo", "^(MemTotal|MemAvailable|SwapTotal|SwapFree):")
    matching("vmstat", "^(pswpin|pswpout|oom_kill) ")
    tell("loadavg", proc "/loadavg")
    tell("uptime", proc "/uptime")
    tell("pressure/cpu", proc "/pressure/cpu")
    tell("pressure/memory", proc "/pressure/memory")
    tell("pressure/io", proc "/pressure/io")
    tell("sys/fs/file-nr", proc "/sys/fs/file-nr")
    tell("conntrack", proc "/sys/net/netfilter/nf_conntrack_count")
    tell("conntrack_max", proc "/sys/net/netfilter/nf_conntrack_max")
    matching("net/sockstat", "^TCP:")
    matching("net/dev", ":", "^ *veth")
    matching("diskstats", ".", " (loop|ram|sr|fd)[0-9]+ ")
    tcp_counters("", proc)
    # Behind the last listener the kernel goes through its whole table of connections, empty or not, which takes
    # it a millisecond or two: each second only while somebody waits, or connections were thrown away.
    if (all || beat % 2 || waiting_here || overflows != overflows_before) {
        say("net/tcp", "read")
        waiting_here = listeners("net/tcp", proc "/net/tcp") + listeners("net/tcp", proc "/net/tcp6")
    }
    overflows_before = overflows
    if (all || unix_sockets < 2000) unix_listeners(proc "/net/unix")
    if (all) ss()
    processes()
    for (i = 1; i <= many_boxes; i++) box(i)
    printf "%s", out "shell\tcores " cores "\nshell\tpage " page "\nshell\tticks " ticks "\n--\n"
    fflush()
    out = ""
}

BEGIN { FS = "\t" }
$0 == "" { reading(); next }
$1 == "pid" { found_pids[$2] = 1; next }
$1 == "pids" {
    split("", watched)
    for (pid in found_pids) watched[pid] = 1
    split("", found_pids)
    out = out "pids\n"
    next
}
$1 == "box" { found_boxes[++many_found] = $0; next }
$1 == "boxes" {
    for (many_boxes = 0; many_boxes < many_found;) { many_boxes++; boxes[many_boxes] = found_boxes[many_boxes] }
    many_found = 0
    out = out "boxes\n"
    next
}
{ out = out $0 "\n" }
