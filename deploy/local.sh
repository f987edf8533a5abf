#!/bin/bash
# Runs the service on this machine, for development and to try it out. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

deploy=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly deploy root=${deploy%/*}
readonly var=$root/var build=$root/build/release
readonly logs=$var/log state=$var/run programs=$var/bin cluster=$var/postgres
# shellcheck source=deploy/progress.sh
source "$deploy/progress.sh"
# shellcheck source=deploy/build.sh
source "$deploy/build.sh"
# shellcheck source=deploy/local/process.sh
source "$deploy/local/process.sh"
# shellcheck source=deploy/local/postgres.sh
source "$deploy/local/postgres.sh"
# shellcheck source=deploy/local/demo.sh
source "$deploy/local/demo.sh"

readonly default_port=8080

print_help() {
    cat <<'END'
Usage: deploy/local.sh [start] [--port N]
       deploy/local.sh stop | status | reset [--yes]

Runs the service on this machine with a PostgreSQL cluster of its own, to develop and to try it out.
Needs Debian 12, and root or sudo for Debian packages that are missing.

  start     the default: installs missing packages, compiles, makes the cluster and a demo organization if
            they are missing, starts PostgreSQL, server and worker, and prints how to sign in; if they run
            and were compiled anew, replaces them, without a request that is refused or breaks off
  stop      stops PostgreSQL, server and worker; the data stay
  status    shows which of them run; exit status 1 unless all do
  reset     stops them, and removes everything under var, including the data
  --port N  the port on 127.0.0.1; the script remembers it (8080 at first)
  --yes     lets reset start without a question
  --help    this text

Everything is in var: local.env (the address and the credentials, to be sourced by a shell), log,
postgres. All programs run as the user who starts this script; if that is root, PostgreSQL runs as user
postgres.
END
}

misuse() {
    printf 'local.sh: %s; see deploy/local.sh --help\n' "$1" >&2
    exit 2
}

fail_with_log() {
    tail -n 20 -- "$logs/$1.log" >&2 || :
    fail "$2; the end of $logs/$1.log is above"
}

# curl for our own server: no proxy, no user configuration, bounded in time.
ask_server() {
    curl --disable --noproxy '*' --silent --max-time 5 "$@"
}

url() {
    echo "http://127.0.0.1:$1"
}

# --- checks ---

# Prevents two runs at once, which would start everything twice. The lock ends with this process.
lock() {
    if [[ -e $var && ! -O $var ]]; then
        fail "$var was made by user $(stat --format=%U -- "$var"): run this script as that user"
    fi
    mkdir -p -- "$var" "$logs" "$state" "$programs"
    exec 9>"$state/lock"
    # A waiting process of the last run may hold the lock a moment longer than that run.
    flock --wait 2 9 || fail 'another run of this script is in progress; wait until it ends'
}

# The port given by --port, else that of the last start.
chosen_port() {
    if [[ -n $wanted_port ]]; then
        echo "$wanted_port"
    elif [[ -f $state/port ]]; then
        cat -- "$state/port"
    else
        echo "$default_port"
    fi
}

port_is_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

check_port() {
    local port=$1
    if process_id server >/dev/null; then
        local current
        current=$(<"$state/port")
        [[ $port == "$current" ]] ||
            fail "the service runs on port $current already: stop it first, then start it with --port $port"
    elif port_is_taken "$port"; then
        fail "port $port of 127.0.0.1 is taken by another program: choose a free one with --port, for example" \
            "--port $((port < 65000 ? port + 1 : 18080))"
    fi
}

# --- start ---

# Links the programs of all build folders into one folder.
link_programs() {
    local program
    rm -f -- "$programs"/testkase-*
    for program in "$build"/*/testkase-*; do
        if [[ -f $program && -x $program ]]; then
            ln -s -- "$program" "$programs/"
        fi
    done
}

# Identifies a program as it is compiled now.
fingerprint() {
    stat --dereference --format='%d %i %s %Y' -- "$programs/testkase-$1"
}

note_started() {
    fingerprint "$1" >"$state/$1.program"
}

# Whether the program was compiled anew since it was started.
is_outdated() {
    [[ ! -f $state/$1.program || $(<"$state/$1.program") != "$(fingerprint "$1")" ]]
}

compile() {
    "$deploy/install-packages.sh" build run 9>&-
    build_preset "$root" release "$logs" || fail 'the programs could not be compiled; the messages are above'
    link_programs
}

# Whether a worker has reported to the database.
worker_is_ready() {
    admin status >/dev/null 2>&1
}

server_is_ready() {
    ask_server --fail --output /dev/null "$(url "$1")/readyz"
}

# start_worker PORT: that of the server. A worker that runs already may still have to reconnect, if PostgreSQL was restarted.
# TESTKASE_* variables of the caller, for example a log level, reach the programs; those of local.env do not.
start_worker() {
    if ! process_id worker >/dev/null; then
        process_start worker env --chdir=/ TESTKASE_DATABASE_URL="$(postgres_url testkase_worker)" \
            TESTKASE_PUBLIC_URL="$(url "$1")" "$programs/testkase-worker"
        note_started worker
    fi
    process_wait worker 30 worker_is_ready || fail_with_log worker 'the worker does not start'
}

# launch_server NAME PORT. Servers that are started in the same runtime directory take over from each other.
launch_server() {
    process_start "$1" env --chdir=/ RUNTIME_DIRECTORY="$state" TESTKASE_DATABASE_URL="$(postgres_url testkase_server)" \
        TESTKASE_LISTEN="127.0.0.1:$2" TESTKASE_PUBLIC_URL="$(url "$2")" "$programs/testkase-server"
    note_started server
}

start_server() {
    local port=$1
    if ! process_id server >/dev/null; then
        launch_server server "$port"
        echo "$port" >"$state/port"
    fi
    process_wait server 30 server_is_ready "$port" || fail_with_log server 'the server does not start'
}

# Starts the new server beside the running one, which ends when the new one serves, or goes on.
replace_server() {
    launch_server next-server "$1"
    if ! process_wait next-server 50 process_is_gone server; then
        rm -f -- "$state/server.program"
        process_stop next-server TERM 20 KILL
        fail_with_log next-server 'the new server does not take over, and the running one goes on'
    fi
    process_adopt server next-server
}

replace_worker() {
    process_stop worker TERM 20 KILL
    start_worker "$1"
}

fill_database() {
    postgres_make_database
    admin migrate >"$logs/migrate.log" 2>&1 ||
        fail_with_log migrate 'the database could not be migrated (to start over without its data: ./deploy/local.sh reset)'
    demo_read || demo_make
    # shellcheck disable=SC2034 # demo_write uses them by name
    TESTKASE_URL=$(url "$1") TESTKASE_BIN=$programs
    # shellcheck disable=SC2034
    TESTKASE_DATABASE_URL=$(postgres_url testkase_server) TESTKASE_ADMIN_DATABASE_URL=$(postgres_url testkase_owner)
    demo_write
}

# After a failed start, nothing keeps running.
stop_after_failure() {
    local status=$?
    if ((status != 0)); then
        stop_all
    fi
}

everything_runs() {
    process_id postgres >/dev/null && process_id worker >/dev/null && process_id server >/dev/null && server_is_ready "$1"
}

print_access() {
    cat <<END

Open $TESTKASE_URL in a browser, sign in, and choose Generate New Token.

  sign in as                      password (as it was first made)
  $TESTKASE_ADMIN_EMAIL                 $TESTKASE_ADMIN_PASSWORD   owner of organization $DEMO_ORG_ID
  $DEMO_USER_EMAIL                  $DEMO_USER_PASSWORD   role user in project PRJ-1
  $DEMO_GUEST_EMAIL                 $DEMO_GUEST_PASSWORD   role guest in project PRJ-1

The owner's token is in var/local.env; to use it:

  . $(demo_quoted "$var/local.env")
  curl -H "Authorization: Bearer \$TESTKASE_PAT" "\$TESTKASE_URL/api/v1/session"

END
}

# For a service that runs. When this fails, it still does.
update() {
    local name replaced=()
    compile
    for name in worker server; do
        if is_outdated "$name"; then
            replaced+=("$name")
        fi
    done
    if ((${#replaced[@]} == 0)); then
        say 'The service runs already, as it was last compiled.'
        return
    fi
    postgres_start
    fill_database "$1"
    for name in "${replaced[@]}"; do
        "replace_$name" "$1"
        say "The new $name runs."
    done
    everything_runs "$1" || fail "not everything that was replaced runs; see $logs"
}

run_start() {
    local port
    lock
    process_adopt server next-server # of a run that broke off
    port=$(chosen_port)
    check_port "$port"
    if everything_runs "$port" && demo_read; then
        update "$port"
    else
        trap stop_after_failure EXIT
        compile
        postgres_start
        fill_database "$port"
        start_worker "$port"
        start_server "$port"
        everything_runs "$port" || fail "not everything that was started still runs; see $logs"
        demo_check_token
        trap - EXIT
    fi
    print_access
}

# --- stop, status, reset ---

stop_all() {
    local name
    for name in server next-server worker; do
        process_stop "$name" TERM 20 KILL
    done
    postgres_stop
}

run_stop() {
    [[ -d $var ]] || fail 'nothing was started here'
    lock
    stop_all
    say 'Stopped.'
}

run_status() {
    local name pid port status=0
    port=$(chosen_port)
    for name in postgres worker server; do
        if pid=$(process_id "$name"); then
            say "$name runs (process $pid)"
        else
            say "$name does not run"
            status=1
        fi
    done
    if ((status == 0)) && server_is_ready "$port"; then
        say "The service answers at $(url "$port")"
    elif ((status == 0)); then
        say "The service does not answer at $(url "$port"); see $logs"
        status=1
    fi
    return "$status"
}

confirm_reset() {
    local answer
    if [[ $assume_yes == yes ]]; then
        return
    fi
    [[ -t 0 ]] || fail 'reset deletes the data; without a terminal for the question, it needs --yes'
    read -rp "Stop the service and delete all its data under $var? [y/N] " answer
    [[ $answer == [yY]* ]] || fail 'nothing was deleted'
}

run_reset() {
    if [[ ! -d $var ]]; then
        say 'There is nothing to remove.'
        return
    fi
    confirm_reset
    lock
    stop_all
    postgres_remove
    # The last one is what the README has people make.
    rm -rf -- "$logs" "$programs" "$state" "$var"/local.env "$var"/local.env.???????? "$var/first-report"
    rmdir --ignore-fail-on-non-empty -- "$var"
    say 'Removed.'
}

# --- the command line ---

read_port() {
    if ! [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || (($1 > 65535)); then
        misuse "--port needs a number from 1 to 65535, not \"$1\""
    fi
    wanted_port=$1
}

action='' wanted_port='' assume_yes=''
while (($# > 0)); do
    case $1 in
    start | stop | status | reset)
        [[ -z $action ]] || misuse 'only one command can be given'
        action=$1
        ;;
    --port)
        (($# > 1)) || misuse '--port needs a number'
        read_port "$2"
        shift
        ;;
    --port=*) read_port "${1#*=}" ;;
    --yes | -y) assume_yes=yes ;;
    --help | -h)
        print_help
        exit 0
        ;;
    *) misuse "there is no argument \"$1\"" ;;
    esac
    shift
done
# The programs must not get variables that the caller has set for other databases, or sourced from local.env.
unset "${!PG@}" "${demo_variables[@]}"
"run_${action:-start}"
