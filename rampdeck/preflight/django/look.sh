# Looks once where a Django application may run: its unit, and the processes of servers. Of variables, three are told.
LC_ALL=C
export LC_ALL
echo '== unit'
[ "$unit" ] && systemctl show -p MainPID -p WorkingDirectory -p ExecStart -- "$unit" 2>/dev/null
echo '== processes'
for path in $(grep -lsaE 'gunicorn|uvicorn|hypercorn|daphne' /proc/[0-9]*/cmdline); do
    pid=${path#/proc/}
    pid=${pid%%/*}
    # Its name, which stands in brackets before the rest, may be anything.
    read -r stat <"/proc/$pid/stat" || continue
    set -- ${stat##*) }
    printf 'process %s %s ' "$pid" "$2"
    tr '\000\n' '\t ' <"$path"
    # Where it runs, what it is, and whose packages it has loaded: its owner may see them.
    printf '\ncwd %s\nexe %s\n' "$(readlink "/proc/$pid/cwd")" "$(readlink "/proc/$pid/exe")"
    sed -n 's,^[^/]* \(/.*\)/lib[0-9]*/python3[^/]*/site-packages/.*,home \1,p' "/proc/$pid/maps" | head -n 1
    tr '\000\n' '\n ' <"/proc/$pid/environ" | grep -aE '^(VIRTUAL_ENV|DJANGO_SETTINGS_MODULE|PATH)='
done 2>/dev/null
