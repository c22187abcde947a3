# Reads what the kernel tells of this host, once for each line on stdin. It writes no file and needs no root.
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
test -r "$proc/stat" || { echo "there is no $proc: it is not Linux" >&2; exit 1; }
awk=awk
command -v awk >/dev/null || {
    command -v busybox >/dev/null || { echo "there is no awk: install mawk, gawk or busybox" >&2; exit 1; }
    awk="busybox awk"
}
# mawk would wait for more lines before it takes the first.
case $($awk -W version 2>&1 </dev/null) in mawk*) awk="$awk -W interactive" ;; esac
# BusyBox has no getconf as a rule; these are then the values of nearly every machine.
cores=$({ getconf _NPROCESSORS_ONLN || nproc || grep -c ^processor "$proc/cpuinfo"; } 2>/dev/null)
page=$(getconf PAGESIZE 2>/dev/null || echo 4096)
ticks=$(getconf CLK_TCK 2>/dev/null || echo 100)
zgrep= && printf 'a\0b\0' | grep -qzE '^b$' 2>/dev/null && zgrep=yes

# The processes that are asked for: by the name of a program anywhere in a command line, with their children.
search() {
    if [ "$zgrep" ]; then
        grep -lzsE "^(.*/)?($processes)(:.*)?\$" "$proc"/[0-9]*/cmdline
    else
        grep -lsE "^($processes)" "$proc"/[0-9]*/comm
    fi
}
find_processes() {
    turn=0 known= roots=
    while [ "$processes" ]; do
        # A search looks at every process: each third time, or where one has gone. Children are found without.
        again=$((turn % 3)) turn=$((turn + 1)) pids=
        for pid in ${roots:-none}; do
            [ -d "$proc/$pid" ] || again=0
        done
        if [ "$again" = 0 ]; then
            roots=
            for path in $(search); do
                path=${path#"$proc"/}
                roots="$roots ${path%%/*}"
            done
        fi
        set -- $roots
        while [ $# -gt 0 ]; do
            pid=$1
            shift
            case " $pids " in *" $pid "*) continue ;; esac
            pids="$pids $pid" kids=
            read -r kids <"$proc/$pid/task/$pid/children"
            set -- "$@" $kids
            printf 'pid\t%s\n' "$pid"
        done
        echo pids
        set --
        for pid in $pids; do
            look_at_process
            set -- "$@" "$proc/$pid/cmdline"
        done
        # Python's own helper of a program that starts processes: no worker.
        [ $# = 0 ] || for path in $(grep -lsF multiprocessing.resource_tracker "$@"); do
            path=${path#"$proc"/}
            printf 'helper\t%s\n' "${path%%/*}"
        done
        known=$pids
        sleep 10
    done
}
# Open files and memory are told only to their owner and to root. Memory is dear to add up: each third time.
look_at_process() {
    files=- most=- pss=-
    if [ -r "$proc/$pid/fd" ]; then
        set -- "$proc/$pid"/fd/*
        files=$#
    fi
    while read -r one two three soft _; do
        case "$one $two $three" in "Max open files") most=$soft && break ;; esac
    done <"$proc/$pid/limits"
    case " $known " in
        *" $pid "*) again=$(((turn + pid) % 3)) ;;
        *) again=0 ;;
    esac
    if [ "$again" = 0 ] && [ -r "$proc/$pid/smaps_rollup" ]; then
        while read -r key value _; do
            case $key in Pss:) pss=$value && break ;; esac
        done <"$proc/$pid/smaps_rollup"
    fi
    printf 'more\t%s %s %s %s\n' "$pid" "$files" "$most" "$pss"
}

# Where the files of a container are, by the control groups of its first process.
find_container() {
    id=$1 pid=$2 network=$3 name=${4#/}
    cpu= usage= memory= pids= io= version=1
    [ -e "$cgroups/cgroup.controllers" ] && version=2
    while IFS=: read -r _ kinds path; do
        # A container may have groups of its own inside.
        case $path in
            *"$id"*)
                inside=${path#*"$id"}
                path=${path%%"$id"*}$id${inside%%/*}
                ;;
        esac
        if [ "$version$kinds" = 2 ]; then
            cpu=$cgroups$path usage=$cpu memory=$cpu pids=$cpu io=$cpu
        fi
        [ "$version" = 1 ] || continue
        case ",$kinds," in *,cpu,*) cpu=$cgroups/cpu$path ;; esac
        case ",$kinds," in *,cpuacct,*) usage=$cgroups/cpuacct$path ;; esac
        case ",$kinds," in *,memory,*) memory=$cgroups/memory$path ;; esac
        case ",$kinds," in *,pids,*) pids=$cgroups/pids$path ;; esac
        case ",$kinds," in *,blkio,*) io=$cgroups/blkio$path ;; esac
    done <"$proc/$pid/cgroup"
    alive="$alive $pid"
    # With the host's network its sockets are the host's.
    case $network in host | container:*) pid=0 ;; esac
    tell_box
}
tell_box() {
    printf 'box\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
        "$name" "$version" "$pid" "$cpu" "$usage" "$memory" "$pids" "$io"
}
find_containers() {
    runtime=docker
    command -v docker >/dev/null || runtime=podman
    form='{{.Id}} {{.State.Pid}} {{.HostConfig.NetworkMode}} {{.Name}}'
    names=$containers
    if [ "$names" = all ]; then
        names=$($runtime ps -q 2>&1) || {
            printf 'runtime\t%s\n' "${names%%"$newline"*}"
            return
        }
        [ "$names" ] || return
    fi
    # One that is missing is told, the others are shown.
    set -- $names
    set -f
    IFS=$newline
    for line in $($runtime inspect --type container -f "$form" "$@" 2>&1); do
        unset IFS
        set -- $line
        case $2 in
            0) printf 'runtime\t%s does not run\n' "${4#/}" ;;
            '' | *[!0-9]*) printf 'runtime\t%s\n' "$line" ;;
            *) find_container "$@" ;;
        esac
    done
    unset IFS
    set +f
}
find_unit() {
    found=
    for folder in "$1"/system.slice/"$name" "$1"/system.slice/*/"$name" "$1"/*.slice/"$name"; do
        [ -d "$folder" ] && found=$folder && return
    done
}
find_units() {
    for name in $units; do
        pid=0 version=1 cpu= usage= memory= pids= io=
        if [ -e "$cgroups/cgroup.controllers" ]; then
            version=2
            find_unit "$cgroups"
            cpu=$found usage=$found memory=$found pids=$found io=$found
        else
            find_unit "$cgroups/cpu" && cpu=$found
            find_unit "$cgroups/cpuacct" && usage=$found
            find_unit "$cgroups/memory" && memory=$found
            find_unit "$cgroups/pids" && pids=$found
            find_unit "$cgroups/blkio" && io=$found
        fi
        if [ "$cpu$usage$memory$pids$io" ]; then
            tell_box
        else
            printf 'runtime\t%s does not run, or has no control group\n' "$name"
        fi
    done
}
# What may hang (a container runtime, a file system of another host) keeps no reading waiting.
look_about() {
    turn=0 alive=
    while :; do
        [ "$paths" ] && [ $((turn % 3)) = 0 ] && df -Pk $paths 2>/dev/null | while read -r line; do
            printf 'df\t%s\n' "$line"
        done
        again=$((turn % 3))
        for pid in $alive; do
            [ -d "$proc/$pid" ] || again=0
        done
        if [ "$again" = 0 ] && [ "$containers$units" ]; then
            alive=
            [ "$containers" ] && find_containers
            find_units
            echo boxes
        fi
        turn=$((turn + 1))
        sleep 10
    done
}

# In a container of its own kind (LXC and others) some files of /proc are not the machine's.
inside=
[ -r /run/systemd/container ] && read -r inside </run/systemd/container
[ "$inside" ] || ! grep -q '^lxcfs ' "$proc/self/mounts" 2>/dev/null || inside=lxc
newline='
'
{
    [ "$inside" ] && printf 'inside\t%s\n' "$inside"
    find_processes </dev/null &
    beside=$!
    look_about </dev/null &
    beside="$beside $!"
    while read -r _; do echo; done
    kill $beside
} 2>/dev/null | $awk -v proc="$proc" -v cores="$cores" -v page="$page" -v ticks="$ticks" "$program"
