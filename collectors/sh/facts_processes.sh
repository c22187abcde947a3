# Tells the processes whose command line grep finds: the pid, its parent's, and the words, apart by tabs.
processes() {
    for path in $(grep -lsa "$@" /proc/[0-9]*/cmdline); do
        pid=${path#/proc/}
        pid=${pid%%/*}
        # Its name, which stands in brackets before the rest, may be anything.
        read -r stat <"/proc/$pid/stat" || continue
        set -- ${stat##*) }
        printf '%s %s ' "$pid" "$2"
        tr '\000\n' '\t ' <"$path"
        echo
    done 2>/dev/null
}
# Says whether we see our own processes only: the first one there is of a host is somebody else's.
hidden() {
    echo '== hidden'
    [ -r /proc/1/cmdline ] || echo yes
}
