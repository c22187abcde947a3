# Asks once which packages a Python program has beside it, and what its configuration file says.
LC_ALL=C
export LC_ALL
eval "set -- $roots"
echo '== packages'
for root; do
    for found in "$root"/lib*/python3*/*-packages/[Dd]jango-[0-9]*-info \
        "$root"/lib*/python3*/*-packages/gunicorn-[0-9]*-info \
        "$root"/lib*/python3*/*-packages/uvicorn-[0-9]*-info; do
        [ -e "$found" ] && echo "$found"
    done
done
echo '== environment'
tr '\000' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -aE '^(GUNICORN_CMD_ARGS|WEB_CONCURRENCY)='
echo '== file'
if [ "$file" ]; then
    cd "/proc/$pid/cwd" 2>/dev/null
    sha256sum <"$file" && sed -nE "s/^($settings)[[:space:]]*=/\1 =/p" <"$file"
fi
