# Asks once which Nginx there is, who we are, and which masters and workers run.
LC_ALL=C PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin
export LC_ALL PATH
echo '== user'
id -u
echo '== version'
nginx -V 2>&1 | tr ' ' '\n' | grep -vE '^--(with|add|http|without)' | tr '\n' ' '
echo
on_process() {
    # The user that it runs as, by the kernel's own word.
    while read -r key user _; do
        case $key in Uid:) break ;; esac
    done <"/proc/$pid/status"
    printf '%s ' "$user"
    tell_process
}
echo '== masters'
each_process -F "nginx: master process"
echo '== workers'
each_process -F "nginx: worker process"
hidden
