#!/bin/bash
# package.sh: makes the Debian packages in build/packages: testkase-common, -server, -worker, -admin and -reporter. Install them
# with `apt install ./build/packages/testkase-*.deb`, and run testkase-setup.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly root logs=$root/build/package-logs
# shellcheck source=deploy/progress.sh
source "$root/deploy/progress.sh"
# shellcheck source=deploy/build.sh
source "$root/deploy/build.sh"

# Who makes the packages, as Debian's own tools take it.
DEBFULLNAME=${DEBFULLNAME:-$(id -un)} DEBEMAIL=${DEBEMAIL:-$(id -un)@$(hostname)}
export DEBFULLNAME DEBEMAIL

mkdir -p -- "$logs" "$root/build/packages"
"$root/deploy/install-packages.sh" build package
build_preset "$root" package "$logs"
rm -f -- "$root"/build/packages/*.deb
progress 'Making packages' "$logs/cpack.log" env --chdir="$root/build/package" cpack -B "$root/build/packages"
rm -rf -- "$root/build/packages/_CPack_Packages"
ls -- "$root"/build/packages/*.deb
