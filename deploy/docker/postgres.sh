#!/bin/bash
# The start of PostgreSQL in its container: makes the cluster, the roles with their passwords, and the database, unless they are
# there, and then becomes PostgreSQL. Arguments are PostgreSQL's own. The passwords are random; each is in a file that the
# program which needs it can read, in a volume of its own, and nowhere else.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 027

readonly cluster=/data/15 secrets=/secrets roles=/usr/share/testkase/roles.sql
readonly names=(owner server worker ops)
# The socket of PostgreSQL while it is not yet ready for others.
readonly making=/tmp/making

fail() {
    printf 'testkase-postgres: %s\n' "$*" >&2
    exit 1
}

# save FILE: standard input becomes that file, whole or not at all.
save() {
    cat >"$1.new"
    chmod 0440 "$1.new"
    sync "$1.new"
    mv -- "$1.new" "$1"
}

# make_password FILE: a random one, unless there is one.
make_password() {
    [[ ! -s $1 ]] || return 0
    [[ -w ${1%/*} ]] || fail "${1%/*} cannot be written"
    od --address-radix=n --format=x1 --read-bytes=32 /dev/urandom | tr -d ' \n' | save "$1"
}

# make_address NAME: the address with the password of testkase_NAME.
make_address() {
    printf 'postgresql://testkase_%s:%s@postgres/testkase\n' "$1" "$(<"$secrets/$1/password")" | save "$secrets/$1/database-url"
}

# The local socket is for this container's user alone; other containers give passwords.
make_cluster() {
    rm -rf -- "$cluster.new"
    initdb --pgdata="$cluster.new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=reject \
        >/dev/null
    for name in "${names[@]}"; do
        printf 'host testkase testkase_%s all scram-sha-256\n' "$name"
    done >>"$cluster.new/pg_hba.conf"
    # The rules of initdb for 127.0.0.1 come first and are for other uses.
    sed -i '/^host .*reject$/d' "$cluster.new/pg_hba.conf"
    sync
    mv -- "$cluster.new" "$cluster"
}

run_sql() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host="$making" --username=postgres --output=/dev/null
}

# Should a statement fail, PostgreSQL does not log its text.
set_passwords() {
    printf "set log_min_error_statement = 'panic'; set client_min_messages = 'error';\n"
    for name in "${names[@]}"; do
        printf "alter role testkase_%s password '%s';\n" "$name" "$(<"$secrets/$name/password")"
    done
}

# What the roles and the database are made of. When it has changed, they are made again, which changes only what differs.
sum() {
    cat -- "$roles" "$secrets"/*/password | sha256sum
}

make_database() {
    mkdir --parents -- "$making"
    pg_ctl --pgdata="$cluster" --silent --wait --timeout=300 \
        --options="-c listen_addresses='' -c unix_socket_directories=$making" start >&2
    run_sql <"$roles"
    set_passwords | run_sql
    printf '%s\n' "select 'create database testkase owner testkase_owner encoding ''UTF8'' template template0'
        where not exists (select from pg_database where datname = 'testkase') \\gexec" | run_sql
    run_sql <"$roles"
    pg_ctl --pgdata="$cluster" --silent --wait --mode=fast stop >&2
}

for name in "${names[@]}"; do
    make_password "$secrets/$name/password"
    make_address "$name"
done
make_password "$secrets/ops/grafana-password"
[[ -d $cluster ]] || make_cluster
if [[ ! -f $cluster.made || $(<"$cluster.made") != "$(sum)" ]]; then
    make_database
    sum | save "$cluster.made"
fi
exec postgres -D "$cluster" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
