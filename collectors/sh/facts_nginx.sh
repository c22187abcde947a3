# Asks once which Nginx there is, who we are, and which masters and workers run.
LC_ALL=C PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin
export LC_ALL PATH
echo '== user'
id -u
echo '== version'
nginx -V 2>&1 | tr ' ' '\n' | grep -vE '^--(with|add|http|without)' | tr '\n' ' '
echo
tell() {
    for path in $(grep -lsaF "nginx: $1 process" /proc/[0-9]*/cmdline); do
        pid=${path#/proc/}
        pid=${pid%%/*}
        read -r stat <"/proc/$pid/stat" || continue
        # The user that it runs as, by the kernel's own word.
        while read -r key user _; do
            case $key in Uid:) break ;; esac
        done <"/proc/$pid/status"
        set -- ${stat##*) }
        printf '%s %s %s ' "$user" "$pid" "$2"
        tr '\000\n' '\t ' <"$path"
        echo
    done 2>/dev/null
}
echo '== masters'
tell master
echo '== workers'
tell worker
hidden
