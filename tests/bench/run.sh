#!/bin/bash
# Measures the service. See --help, and README.md beside this file.
set -euo pipefail
export LC_ALL=C.UTF-8

bench=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly bench root=${bench%/tests/bench}
readonly logs=$root/build/bench-logs
# shellcheck source=deploy/progress.sh
source "$root/deploy/progress.sh"
# shellcheck source=deploy/build.sh
source "$root/deploy/build.sh"

if [[ " $* " == *" --help "* ]]; then
    cat <<'END'
Usage: tests/bench/run.sh [--seconds N] [--rounds N] [--populations N,...] [--expired N] [--without-node] [--write] [PART...]

Installs what is missing, builds the programs for release and measures: throughput, population, revocations,
cold, flood, files, memory, uploads, beside-uploads, reporter, restart, jobs, beside-jobs (all of them when none is named).
Every figure is a median of interleaved rounds, but for the jobs of the worker, each of which is measured once. With --write
the tables go into tests/bench/README.md. All together take about 45 minutes.
END
    exit 0
fi

mkdir -p -- "$logs"
packages=(build run test bench)
command -v npm >/dev/null || packages+=(node)
"$root/deploy/install-packages.sh" "${packages[@]}"
build_preset "$root" release "$logs"
if [[ " $* " != *" --without-node "* && ! -d $root/build/bench-node/node_modules ]]; then
    mkdir -p -- "$root/build/bench-node"
    cp -- "$bench/others/package.json" "$root/build/bench-node/"
    progress 'Installing what is measured on Node' "$logs/npm.log" \
        npm --prefix "$root/build/bench-node" install --no-audit --no-fund --ignore-scripts --no-package-lock
fi
exec /usr/bin/python3 -EsB "$bench/bench.py" --bin "$root/build/release" --node "$root/build/bench-node/node_modules" "$@"
