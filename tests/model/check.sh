#!/bin/bash
# Searches the whole state space of revocation.pml: check.sh FOLDER holds|breaks [-DVARIANT]. FOLDER is for what spin makes.
set -euo pipefail
model=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)/revocation.pml
folder=$1 expected=$2
shift 2

mkdir -p -- "$folder"
cd -- "$folder"
spin "$@" -a "$model"
gcc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c
./pan -m1000000 -n | tee pan.log

if grep -qE 'max search depth too small|Search not completed' pan.log && [[ $expected == holds ]]; then
    echo 'the search was not complete' >&2
    exit 1
fi
errors=$(sed -nE 's/.*errors: ([0-9]+)$/\1/p' pan.log)
case $expected in
holds) [[ $errors == 0 ]] ;;
breaks) grep -q 'assertion violated' pan.log && ((errors > 0)) ;;
esac
