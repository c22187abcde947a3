# Asks once what this host is; everything but uname is read from files.
LC_ALL=C
export LC_ALL
line() {
    printf '%s\t%s\n' "$1" "$2"
}
line kernel "$(uname -srm)"
if [ -r /etc/os-release ]; then
    line system "$(. /etc/os-release && printf %s "$PRETTY_NAME")"
fi
{
    while IFS=: read -r key value; do
        case $key in
            processor*) cores=$((${cores:-0} + 1)) ;;
            "model name"* | Model*) model=${model:-${value# }} ;;
        esac
    done </proc/cpuinfo
    line processors "${cores:-}"
    line model "${model:-}"
    while read -r key value _; do
        case $key in MemTotal: | SwapTotal:) line "${key%Total:}" "$value" ;; esac
    done </proc/meminfo
    read -r boot </proc/sys/kernel/random/boot_id && line boot "$boot"
    for file in cpu.max memory.max; do
        # Of the root group there is none: then nothing limits it.
        [ -r "/sys/fs/cgroup/$file" ] && read -r limit <"/sys/fs/cgroup/$file" && line "$file" "$limit"
    done
    # Not with read: byte by byte the kernel gives no more than the first one of these.
    line somaxconn "$(cat /proc/sys/net/core/somaxconn)"
    line ports "$(cat /proc/sys/net/ipv4/ip_local_port_range)"
    line overcommit "$(cat /proc/sys/vm/overcommit_memory)"
    read -r value </sys/class/dmi/id/product_name && line machine "$value"
} 2>/dev/null
exit 0
