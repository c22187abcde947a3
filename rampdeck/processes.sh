# Goes through the processes whose command line grep finds: calls on_process for each, with $path, $pid and $parent.
each_process() {
    for path in $(grep -lsa "$@" /proc/[0-9]*/cmdline); do
        pid=${path#/proc/}
        pid=${pid%%/*}
        # Its name, which stands in brackets before the rest, may be anything.
        read -r stat <"/proc/$pid/stat" || continue
        set -- ${stat##*) }
        parent=$2
        on_process
    done 2>/dev/null
}
# Tells the pid, the parent's, and the words of the command line, apart by tabs.
tell_process() {
    printf '%s %s ' "$pid" "$parent"
    tr '\000\n' '\t ' <"$path"
    echo
}
