# shellcheck shell=bash
# Sourced by the scripts: messages, and long steps that show their progress.

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Waits in such a way that no process outlives the caller by more than a moment.
pause() {
    read -rt "$1" <> <(:) || :
}

# The newest line of a step's log, cut to fit a terminal line.
progress_newest() {
    local line
    line=$(tail -n 1 -- "$1" 2>/dev/null | tr -d '\000-\037') || :
    printf '%.60s' "$line"
}

progress_show() {
    local title=$1 log=$2 started=$SECONDS next=5
    while pause 1 && kill -0 $$ 2>/dev/null; do
        if [[ -t 1 ]]; then
            printf '\r\033[K%s: %s s  %s' "$title" "$((SECONDS - started))" "$(progress_newest "$log")"
        elif ((SECONDS - started >= next)); then
            printf '    %s s  %s\n' "$((SECONDS - started))" "$(progress_newest "$log")"
            next=$((SECONDS - started + 10))
        fi
    done
}

# progress TITLE LOG COMMAND...: runs the command with its output in the file LOG. While it runs, the time and the newest
# line of the log are shown; at its end, how long it took or, if it failed, the end of the log. Returns its status.
progress() {
    local title=$1 log=$2 started=$SECONDS status=0 teller
    shift 2
    [[ -t 1 ]] || say "$title ..."
    : >"$log"
    progress_show "$title" "$log" &
    teller=$!
    "$@" >>"$log" 2>&1 </dev/null || status=$?
    kill "$teller" 2>/dev/null || :
    wait "$teller" 2>/dev/null || :
    [[ ! -t 1 ]] || printf '\r\033[K'
    if ((status == 0)); then
        say "$title: done in $((SECONDS - started)) s"
    else
        tail -n 40 -- "$log" >&2
        say "$title: failed after $((SECONDS - started)) s; all of its output is in $log" >&2
    fi
    return "$status"
}
