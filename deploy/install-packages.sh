#!/bin/bash
# install-packages.sh LIST...: installs the Debian packages of deploy/packages/LIST.txt that are missing, and nothing else. Runs
# as root, or uses sudo.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/progress.sh
source "$here/progress.sh"

# While this file exists, the installation of PostgreSQL does not make and start Debian's own cluster on port 5432.
readonly no_cluster=/etc/postgresql-common/createcluster.d/no-cluster-while-installing.conf

temporary=$(mktemp -d)
trap 'remove_traces' EXIT

remove_traces() {
    local status=$?
    if ((status == 0)); then
        rm -rf -- "$temporary"
    fi
    if [[ -e $no_cluster ]]; then
        "${as_root[@]}" rm -f -- "$no_cluster"
    fi
}

list_missing() {
    local name names
    mapfile -t names < <(sed 's/#.*//; /^$/d' "$@")
    for name in "${names[@]}"; do
        if [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null) != installed ]]; then
            echo "$name"
        fi
    done
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get --quiet --yes --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

forbid_cluster() {
    "${as_root[@]}" mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null
}

become_root() {
    if ((EUID == 0)); then
        return
    fi
    if ! command -v sudo >/dev/null; then
        fail "these packages are missing: ${missing[*]}. Run this script as root, or have root run: apt-get install ${missing[*]}"
    fi
    as_root=(sudo)
    say "These packages are missing and will be installed with sudo: ${missing[*]}"
    sudo -v
}

as_root=()
lists=("${@/%/.txt}")
mapfile -t missing < <(list_missing "${lists[@]/#/$here/packages/}")
if ((${#missing[@]} == 0)); then
    exit 0
fi
command -v apt-get >/dev/null || fail "this script needs apt-get (Debian 12); install by other means: ${missing[*]}"
become_root
if [[ " ${missing[*]} " == *' postgresql-'* ]]; then
    forbid_cluster
fi
# A package source that does not answer may not matter; if it does, the installation fails and says so.
progress "Fetching the package lists" "$temporary/update.log" apt_get update || :
progress "Installing ${#missing[@]} Debian packages" "$temporary/install.log" apt_get install "${missing[@]}" ||
    fail "the packages could not be installed; apt-get's messages are above"
