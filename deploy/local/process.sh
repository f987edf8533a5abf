# shellcheck shell=bash
# Background processes. Each is identified by its process id, start time and boot, so that a later process with the same id is
# never taken for it. $state holds a file NAME.pid for each.
# shellcheck disable=SC2154 # state and logs come from local.sh

# The start time, field 22 of proc_pid_stat(5). Fails when there is no such process, or it has ended and waits to be reaped.
process_start_time() {
    local stat fields
    # Not $(<file): with a missing file, it ends the whole shell in bash 5.2.
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    echo "${fields[19]}"
}

process_boot() {
    cat /proc/sys/kernel/random/boot_id
}

# Prints the id of the running process NAME; fails when it does not run.
process_id() {
    local pid start boot
    [[ -f $state/$1.pid ]] || return 1
    read -r pid start boot <"$state/$1.pid" || return 1
    [[ $(process_start_time "$pid") == "$start" && $(process_boot) == "$boot" ]] || return 1
    echo "$pid"
}

# process_start NAME COMMAND...: starts the command in a session of its own, with its output in $logs/NAME.log. The command
# must keep its process id, as env, setpriv and the like do.
process_start() {
    local name=$1 pid start
    shift
    if [[ -e $logs/$name.log ]]; then
        mv -f -- "$logs/$name.log" "$logs/$name.log.old"
    fi
    setsid "$@" </dev/null >"$logs/$name.log" 2>&1 9>&- &
    pid=$!
    start=$(process_start_time "$pid") || start=ended
    echo "$pid $start $(process_boot)" >"$state/$name.pid"
}

# process_wait NAME SECONDS CONDITION...: waits until the condition holds; fails after that time, or when the process ends.
process_wait() {
    local name=$1 end=$((SECONDS + $2))
    shift 2
    until "$@"; do
        process_id "$name" >/dev/null && ((SECONDS < end)) || return 1
        pause 0.1
    done
}

process_is_gone() {
    ! process_id "$1" >/dev/null
}

# process_adopt NAME NEXT: once NAME has ended, NEXT becomes NAME, with its log.
process_adopt() {
    if process_is_gone "$1" && process_id "$2" >/dev/null; then
        mv -f -- "$logs/$1.log" "$logs/$1.log.old"
        mv -f -- "$logs/$2.log" "$logs/$1.log"
        mv -f -- "$state/$2.pid" "$state/$1.pid"
    fi
}

# process_stop NAME SIGNAL SECONDS LAST: sends SIGNAL and waits; after that time sends LAST.
process_stop() {
    local name=$1 pid end=$((SECONDS + $3)) signal
    for signal in "$2" "$4"; do
        pid=$(process_id "$name") || break
        kill -s "$signal" "$pid" 2>/dev/null || :
        while ! process_is_gone "$name" && ((SECONDS < end)); do
            pause 0.1
        done
        end=$((SECONDS + 30))
    done
    process_is_gone "$name" || fail "$name (process $pid) does not end"
    rm -f -- "$state/$name.pid"
}
