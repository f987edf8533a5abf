# shellcheck shell=bash
# The demo organization and var/local.env, which holds what a person or a script needs to work with it.
# shellcheck disable=SC2154 # var, logs and programs come from local.sh
# shellcheck disable=SC2034 # variables of demo_variables are used by name

readonly demo_owner=admin@demo.test demo_user=user@demo.test demo_guest=guest@demo.test
readonly demo_token_days=90

# The variables that local.env exports, in their order.
readonly demo_variables=(TESTKASE_URL TESTKASE_DATABASE_URL TESTKASE_ADMIN_DATABASE_URL TESTKASE_ADMIN_EMAIL
    TESTKASE_ADMIN_PASSWORD TESTKASE_PAT TESTKASE_BIN DEMO_ORG_ID DEMO_USER_EMAIL DEMO_USER_PASSWORD DEMO_GUEST_EMAIL
    DEMO_GUEST_PASSWORD)

# Reads the values into variables of this script only, so that no program that it starts has a secret in its environment. Fails
# when the file is missing or lacks one of them.
demo_read() {
    local name
    unset "${demo_variables[@]}"
    [[ -f $var/local.env ]] || return 1
    # shellcheck source=/dev/null
    source "$var/local.env"
    export -n "${demo_variables[@]}"
    for name in "${demo_variables[@]}"; do
        [[ -n ${!name-} ]] || return 1
    done
}

# Prints a text as one word for a shell.
demo_quoted() {
    printf "'%s'" "${1//\'/\'\\\'\'}"
}

demo_write() {
    local name temporary
    temporary=$(mktemp "$var/local.env.XXXXXXXX")
    chmod 0600 -- "$temporary"
    {
        echo "# Written by deploy/local.sh; to be sourced by a shell."
        for name in "${demo_variables[@]}"; do
            echo "export $name=$(demo_quoted "${!name}")"
        done
        # Links that testkase-admin prints begin with it.
        echo "export TESTKASE_PUBLIC_URL=$(demo_quoted "$TESTKASE_URL")"
    } >"$temporary"
    mv -f -- "$temporary" "$var/local.env"
}

demo_make_password() {
    local letters
    letters=$(head -c 512 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9')
    echo "${letters:0:20}"
}

admin() {
    TESTKASE_ADMIN_DATABASE_URL=$(postgres_url testkase_owner) "$programs/testkase-admin" "$@"
}

# The organization of the account with that address, or nothing.
demo_organization_of() {
    postgres_query testkase_owner testkase --set=email="$1" \
        <<<"select organization_id from testkase.users where email = :'email' and status <> 'deleted'"
}

# demo_make_account EMAIL PASSWORD COMMAND...: makes the account with that command, or sets its password if it exists already.
demo_make_account() {
    local email=$1 password=$2
    shift 2
    if [[ -n $(demo_organization_of "$email") ]]; then
        admin user set-password "$email" <<<"$password" >/dev/null
    else
        admin "$@" --password-stdin <<<"$password" >/dev/null
    fi
}

demo_make_projects() {
    local names=('Web shop' 'Mobile app') made
    made=$(postgres_query testkase_owner testkase --set=organization="$DEMO_ORG_ID" \
        <<<"select count(*) from testkase.projects where organization_id = :'organization'")
    for ((; made < 2; made++)); do
        admin project create "${names[made]}" --org "$DEMO_ORG_ID" >/dev/null
    done
}

demo_make_token() {
    TESTKASE_PAT=$(admin token create "$TESTKASE_ADMIN_EMAIL" --name Local --expires-in-days "$demo_token_days" \
        2>"$logs/token.log") || fail_with_log token 'no token could be made'
}

# Safe to repeat after an interruption at any point: local.env is written last.
demo_make() {
    TESTKASE_ADMIN_EMAIL=$demo_owner TESTKASE_ADMIN_PASSWORD=$(demo_make_password)
    DEMO_USER_EMAIL=$demo_user DEMO_USER_PASSWORD=$(demo_make_password)
    DEMO_GUEST_EMAIL=$demo_guest DEMO_GUEST_PASSWORD=$(demo_make_password)
    demo_make_account "$demo_owner" "$TESTKASE_ADMIN_PASSWORD" org create Demo --owner "$demo_owner"
    DEMO_ORG_ID=$(demo_organization_of "$demo_owner")
    demo_make_account "$demo_user" "$DEMO_USER_PASSWORD" user create "$demo_user" --org "$DEMO_ORG_ID"
    demo_make_account "$demo_guest" "$DEMO_GUEST_PASSWORD" user create "$demo_guest" --org "$DEMO_ORG_ID"
    demo_make_projects
    admin project add-member PRJ-1 "$demo_user" --org "$DEMO_ORG_ID" --role user >/dev/null
    admin project add-member PRJ-1 "$demo_guest" --org "$DEMO_ORG_ID" --role guest >/dev/null
    demo_make_token
}

# The HTTP status of a request with the token of local.env.
demo_token_status() {
    ask_server --output /dev/null --write-out '%{http_code}' --header @- "$TESTKASE_URL/api/v1/session" \
        <<<"Authorization: Bearer $TESTKASE_PAT"
}

# A token that expired or was deleted since the last start gets a successor.
demo_check_token() {
    if [[ $(demo_token_status) == 401 ]]; then
        demo_make_token
        demo_write
        say "The token in $var/local.env was no longer valid; the file now has a new one."
    fi
}
