# Looks once where a Django application may run: its unit, and the processes of servers. Of variables, three are told.
LC_ALL=C
export LC_ALL
echo '== unit'
[ "$unit" ] && systemctl show -p MainPID -p WorkingDirectory -p ExecStart -- "$unit" 2>/dev/null
echo '== processes'
on_process() {
    printf 'process '
    tell_process
    # Where it runs, what it is, and whose packages it has loaded: its owner may see them.
    printf 'cwd %s\nexe %s\n' "$(readlink "/proc/$pid/cwd")" "$(readlink "/proc/$pid/exe")"
    sed -n 's,^[^/]* \(/.*\)/lib[0-9]*/python3[^/]*/site-packages/.*,home \1,p' "/proc/$pid/maps" | head -n 1
    tr '\000\n' '\n ' <"/proc/$pid/environ" | grep -aE '^(VIRTUAL_ENV|DJANGO_SETTINGS_MODULE|PATH)='
}
each_process -E 'gunicorn|uvicorn|hypercorn|daphne'
