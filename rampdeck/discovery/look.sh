# Looks once which servers run on a host, by what, and where they write. Reads only, as whoever is logged in.
LC_ALL=C PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin:/usr/local/bin
export LC_ALL PATH
echo '== user'
id -un
[ -r /proc/1/cmdline ] || echo hidden
echo '== build'
nginx -V 2>&1 | tr ' ' '\n' | grep -E '^--(prefix|conf-path|error-log-path|http-log-path)='
echo '== processes'
# The brackets keep this very command line, which holds the names, from being found.
names='g[u]nicorn|u[v]icorn|n[g]inx: master|^[^ ]*c[a]ddy|^[^ ]*p[o]stgres([^:]|$)|r[e]dis-server|v[a]lkey-server'
all=' '
on_process() {
    printf 'process '
    tell_process
    all="$all$pid "
    # Of workers one knows enough.
    case $all in *" $parent "*) return ;; esac
    sed -n 's/^[^:]*:[^:]*:\(..*\)/group \1/p' "/proc/$pid/cgroup"
    printf 'cwd %s\n' "$(readlink "/proc/$pid/cwd" | tr '\n' ' ')"
    ls -l "/proc/$pid/fd" | head -n 200 | sed -n 's/.* \([0-9][0-9]*\) -> \(.*\)$/fd \1 \2/p'
}
each_process -E "$names"
echo '== listening'
for table in tcp tcp6; do
    awk '$4 == "0A" { print "tcp", $2, $10 }' "/proc/net/$table"
done 2>/dev/null
awk '$4 == "00010000" && $8 ~ /^\// { print "unix", $7, $8 }' /proc/net/unix 2>/dev/null
echo '== units'
set -f
units=$(
    systemctl list-units --plain --no-legend --type=service '*g*nicorn*' '*u*vicorn*' 'ng*nx*' 'ca*dy*' 2>/dev/null |
        awk '{ print $1 }'
    for pid in $all; do
        sed -n 's,^[^:]*:[^:]*:.*/\([^/]*\.service\)$,\1,p' "/proc/$pid/cgroup" 2>/dev/null
    done
)
units=$(printf '%s\n' $units | sort -u | head -n 32)
[ "$units" ] && systemctl show -p Id,MainPID,ActiveState,StandardOutput,StandardError -- $units 2>/dev/null
echo '== journal'
for unit in $units; do
    [ "$(timeout 3 journalctl -q -n 1 -o cat -u "$unit" 2>/dev/null | head -c 1)" ] && printf '%s\n' "$unit"
done
echo '== containers'
if command -v docker >/dev/null; then
    if list=$(timeout 5 docker ps -q 2>&1); then
        [ "$list" ] && timeout 5 docker inspect --type container --format "$format" $list
    else
        printf 'failed %s\n' "$list" | head -n 1
    fi
fi
exit 0
