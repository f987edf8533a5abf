#!/bin/bash
# Packs the static reporter for npm. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly here root=${here%/deploy}
readonly result=$root/build/npm work=$root/build/npm/work
# shellcheck source=deploy/progress.sh
source "$here/progress.sh"

print_help() {
    cat <<END
Usage: deploy/reporter-npm.sh

Builds the static reporter (deploy/reporter-static.sh) and packs it with reporter/npm, by \`npm pack\`, into build/npm:
testkase-reporter-VERSION.tgz. It publishes nothing.
END
}

# The folder that is packed: only what belongs into the package.
fill() {
    rm -rf -- "$work"
    mkdir -p -- "$work/package"
    cp -- "$root"/reporter/npm/{package.json,index.js,README.md} "$root"/build/static/{testkase-reporter,LICENSES} \
        "$root/LICENSE" "$work/package/"
    chmod 755 "$work/package/index.js"
}

# The package has the version of the program.
check_version() {
    local program package
    program=$("$work/package/testkase-reporter" --version)
    package=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$work/package/package.json")
    [[ $program == "testkase-reporter $package" ]] ||
        fail "reporter/npm/package.json has version $package, but the program is $program"
}

if (($# > 0)); then
    [[ $* == --help || $* == -h ]] || fail 'there are no arguments; see --help'
    print_help
    exit 0
fi
command -v npm >/dev/null || "$here/install-packages.sh" node
"$here/reporter-static.sh"
exec 8>"$root/build/npm.lock"
flock 8
fill
check_version
env --chdir="$work/package" npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null
packed=("$work"/*.tgz)
mv -- "${packed[0]}" "$result/"
rm -rf -- "$work"
say "$result/${packed[0]##*/}"
