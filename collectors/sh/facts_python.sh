# Asks once what a Python server is made of: its unit, its containers, its processes, its start lines.
LC_ALL=C
export LC_ALL
main=0
echo '== unit'
if [ "$unit" ]; then
    told=$(systemctl show -p ExecStart,MainPID,ActiveEnterTimestamp,NRestarts,FragmentPath -- "$unit")
    printf '%s\n' "$told"
    main=${told##*MainPID=}
    main=${main%%[!0-9]*}
fi
echo '== containers'
if [ "$list" ]; then
    set -- $(eval "$list")
    [ $# = 0 ] || docker inspect --type container --format "$format" "$@"
fi
echo '== processes'
processes -E "$program"
echo '== log'
if [ "${main:-0}" != 0 ]; then
    # Its first words, whatever the service has written since.
    eval "$journal _PID=$main" 2>/dev/null | head -n 200 | grep -aE "$needles"
else
    eval "$log" 2>&1 | grep -aE "$needles" | tail -n 12
fi
