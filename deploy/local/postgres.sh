# shellcheck shell=bash
# The private PostgreSQL cluster: no TCP, a unix socket in a folder that only its user may enter, and no passwords, because the
# operating system authenticates the users (peer).
# shellcheck disable=SC2154 # root, var, logs, state and cluster come from local.sh

readonly socket_folder_limit=90 # bytes; sockaddr_un(7) has room for 107, the socket's name included
readonly elsewhere=/var/lib/testkase-local

# PostgreSQL refuses to run as root, so root starts it as user postgres, which the Debian package has made.
as_postgres() {
    if ((EUID == 0)); then
        env --chdir=/ setpriv --reuid=postgres --regid=postgres --init-groups --reset-env -- "$@"
    else
        env --chdir=/ -- "$@"
    fi
}

# The newest installed release; an existing cluster keeps the release that made it.
postgres_choose_release() {
    local release
    if [[ -f $cluster/data/PG_VERSION ]]; then
        release=$(<"$cluster/data/PG_VERSION")
    else
        release=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
    fi
    pg_bin=/usr/lib/postgresql/$release/bin
    [[ -x $pg_bin/postgres ]] ||
        fail "$cluster was made by PostgreSQL $release, which is no longer installed: install postgresql-$release"
}

# The cluster's folder: under var. If user postgres cannot enter var, because the clone is in a private folder, the cluster is
# elsewhere and var has a link to it.
postgres_make_home() {
    local place=$cluster
    if [[ -d $cluster ]]; then
        return
    fi
    if ! as_postgres test -x "$var"; then
        place=$(mktemp --directory "$elsewhere.XXXXXXXX")
        ln -s -- "$place" "$cluster"
        say "User postgres cannot enter $var, so the database is in $place"
    fi
    mkdir -p -- "$place"
    chmod 0700 -- "$place"
    if ((EUID == 0)); then
        chown postgres:postgres -- "$place"
    fi
}

# postgres_write_access FOLDER ACCOUNT: that account of the operating system may connect as any of our roles.
postgres_write_access() {
    local folder=$1 account=$2 role
    echo 'local all all peer map=local' | as_postgres tee "$folder/pg_hba.conf" >/dev/null
    for role in postgres testkase_owner testkase_server testkase_worker testkase_ops; do
        echo "local \"$account\" $role"
    done | as_postgres tee "$folder/pg_ident.conf" >/dev/null
}

# The data are made beside their final place and then moved there, so that an interrupted attempt is not taken for a cluster.
postgres_make_cluster() {
    local home
    if [[ -f $cluster/data/PG_VERSION ]]; then
        return
    fi
    postgres_make_home
    home=$(realpath -- "$cluster")
    rm -rf -- "$home/data.new"
    progress 'Making a PostgreSQL cluster' "$logs/initdb.log" as_postgres "$pg_bin/initdb" \
        --pgdata="$home/data.new" --username=postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 ||
        fail 'PostgreSQL could not make its cluster; its messages are above'
    postgres_write_access "$home/data.new" "$(id -un)"
    mv -- "$home/data.new" "$home/data"
}

postgres_is_private() {
    local user=postgres
    ((EUID == 0)) || user=$(id -un)
    [[ -d $1 && ! -L $1 && $(stat --format='%U %a' -- "$1") == "$user 700" ]]
}

# The folder of the socket: beside the data, or under /tmp when that path is too long or would need quoting.
postgres_choose_socket() {
    socket=$(realpath -- "$cluster")/socket
    if ((${#socket} > socket_folder_limit)) || [[ $socket =~ [^A-Za-z0-9/._\ -] ]]; then
        socket=
        [[ ! -f $state/socket ]] || socket=$(<"$state/socket")
        postgres_is_private "$socket" || socket=$(as_postgres mktemp --directory /tmp/testkase-local.XXXXXXXX)
        echo "$socket" >"$state/socket"
    else
        as_postgres mkdir -p -m 0700 -- "$socket"
    fi
}

postgres_answers() {
    "$pg_bin/pg_isready" --quiet --host="$socket"
}

# PostgreSQL takes a killed postmaster for a running one until it is reaped, and in some containers no process reaps it. If
# children of it still live, PostgreSQL detects them by their shared memory.
postgres_forget_dead() {
    local file pid
    for file in "$cluster/data/postmaster.pid" "$socket/.s.PGSQL.5432.lock"; do
        if [[ -f $file ]] && read -r pid <"$file" && ! process_start_time "$pid" >/dev/null; then
            rm -f -- "$file"
        fi
    done
}

postgres_start() {
    postgres_choose_release
    postgres_make_cluster
    postgres_choose_socket
    if process_id postgres >/dev/null; then
        return
    fi
    postgres_forget_dead
    local command=("$pg_bin/postgres" -D "$(realpath -- "$cluster")/data" -c listen_addresses= -c port=5432
        -c "unix_socket_directories=$socket" -c max_connections=300)
    if ((EUID == 0)); then
        command=(setpriv --reuid=postgres --regid=postgres --init-groups --reset-env -- "${command[@]}")
    fi
    process_start postgres env --chdir=/ "${command[@]}"
    process_wait postgres 120 postgres_answers || fail_with_log postgres 'PostgreSQL does not start'
}

# Runs one psql as ROLE in DATABASE: postgres_query ROLE DATABASE [OPTION...], SQL on standard input.
postgres_query() {
    local role=$1 database=$2
    shift 2
    "$pg_bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --host="$socket" --port=5432 \
        --username="$role" --dbname="$database" "$@"
}

postgres_make_roles() {
    PGOPTIONS='-c client_min_messages=warning' postgres_query postgres postgres <"$root/sql/roles.sql"
}

# The roles own the database, and their script closes it to others once it is there.
postgres_make_database() {
    postgres_make_roles
    if [[ -z $(postgres_query postgres postgres <<<"select 1 from pg_database where datname = 'testkase'") ]]; then
        postgres_query postgres postgres <<<'create database testkase owner testkase_owner'
        postgres_make_roles
    fi
}

percent_encode() {
    local text=$1 i
    for ((i = 0; i < ${#text}; i++)); do
        case ${text:i:1} in
        [A-Za-z0-9._-]) printf '%s' "${text:i:1}" ;;
        *) printf '%%%02X' "'${text:i:1}" ;;
        esac
    done
}

postgres_url() {
    echo "postgresql://$1@/testkase?host=$(percent_encode "$socket")&port=5432"
}

postgres_stop() {
    process_stop postgres INT 60 QUIT
}

# Removes the cluster, even when it is not under var.
postgres_remove() {
    local place
    if [[ -L $cluster ]]; then
        place=$(readlink -- "$cluster")
        [[ $place != "$elsewhere".* ]] || rm -rf -- "$place"
    fi
    if [[ -f $state/socket ]] && postgres_is_private "$(<"$state/socket")"; then
        rm -rf -- "$(<"$state/socket")"
    fi
    rm -rf -- "$cluster"
}
