#!/bin/bash
# Makes the reports in tests/reporter/reports anew: installs the tools of projects/package.json, runs each project, and takes
# what the tools wrote. Needs Node.js with npm. Everyday tests need none of this.
set -euo pipefail
export LC_ALL=C.UTF-8 CI=1

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly here reports=$here/reports
work=$(mktemp -d)
readonly work out=$work/out
trap 'rm -rf -- "$work"' EXIT

# run FOLDER COMMAND...: in a project; the tests in it fail, as they must.
run() {
    local folder=$1
    shift
    (cd -- "$work/projects/$folder" && PATH=$work/projects/node_modules/.bin:$PATH "$@" >/dev/null 2>&1) || :
}

cp -r -- "$here/projects" "$work/"
mkdir -- "$out"
npm --prefix "$work/projects" install --ignore-scripts --no-audit --no-fund --no-package-lock >/dev/null

export JEST_JUNIT_OUTPUT_FILE=$out/jest.xml
run jest jest --rootDir . --reporters=jest-junit
run mocha mocha a.js --reporter json --reporter-option "output=$out/mocha.json"
run mocha mocha a.js --reporter xunit --reporter-option "output=$out/mocha-xunit.xml"
run mocha mocha a.js --reporter mochawesome --reporter-option "reportDir=$out,reportFilename=mochawesome,html=false,quiet=true"
run playwright playwright test
run cucumber cucumber-js --format "json:$out/cucumber.json"

# Times and the folder differ from machine to machine; the folder goes.
for report in "$out"/*.json "$out"/*.xml; do
    sed "s#$work#/project#g" "$report" >"$reports/${report##*/}"
done
ls -l -- "$reports"
