# Asks once what a Python server is made of: its unit, its containers, its processes, its start lines.
LC_ALL=C
export LC_ALL
main=0
echo '== unit'
if [ "$unit" ]; then
    told=$(systemctl show -p ExecStart,MainPID,ActiveEnterTimestamp,NRestarts,FragmentPath \
        -p LoadState,ActiveState,SubState,LogRateLimitIntervalUSec,LogRateLimitBurst -- "$unit")
    printf '%s\n' "$told"
    main=${told##*MainPID=}
    main=${main%%[!0-9]*}
fi
echo '== containers'
if [ "$list" ]; then
    found=$(eval "$list") || echo failed
    set -- $found
    [ $# = 0 ] || docker inspect --type container --format "$format" "$@" || echo failed
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
hidden
if [ "$journald" ]; then
    echo '== journald'
    for file in "/usr/lib/systemd/$journald" "/etc/systemd/$journald" /usr/lib/systemd/"$journald.d"/*.conf \
        /usr/local/lib/systemd/"$journald.d"/*.conf /run/systemd/"$journald.d"/*.conf \
        /etc/systemd/"$journald.d"/*.conf; do
        [ -e "$file" ] || continue
        echo "file $file"
        grep -aE '^[[:space:]]*RateLimit(Interval|IntervalSec|Burst)[[:space:]]*=' "$file"
    done
fi
exit 0
