# Tells the processes whose command line grep finds.
processes() {
    on_process() {
        tell_process
    }
    each_process "$@"
}
# Says whether we see our own processes only: the first one there is of a host is somebody else's.
hidden() {
    echo '== hidden'
    [ -r /proc/1/cmdline ] || echo yes
}
