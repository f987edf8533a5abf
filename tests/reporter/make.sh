#!/bin/bash
# Runs the projects in tests/reporter/projects with their real tools. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8 CI=1

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly here
readonly debian=(catch2 gtest phpunit rspec) npm=(cucumber jest mocha playwright) pypi=(nunit) others=(go testng)
reports=$here/reports printed=$here/printed

print_help() {
    cat <<END
Usage: tests/reporter/make.sh [--into FOLDER] [TOOL...]

Runs the projects in tests/reporter/projects, in a copy, and takes the reports that the tools wrote into
tests/reporter/reports, and what they printed into tests/reporter/printed; with --into, into FOLDER/reports and
FOLDER/printed. Without a TOOL, all run. Everyday tests use what is kept, and need none of this.

  ${debian[*]}: Debian packages of deploy/packages/tools.txt
  ${npm[*]}: npm packages; need Node.js with npm
  ${pypi[*]}: PyPI packages, in a virtual environment
  ${others[*]}: modules of Go and Maven; need go, and mvn with a JDK
END
}

# run NAME COMMAND...: in the project's folder, or for NAME = project-…; the tests in it fail, as they must.
run() {
    local name=$1
    shift
    (cd -- "$work/projects/${name%%-*}" && "$@" >"$printed/$name.txt" 2>&1) || :
}

# --- the tools ---

make_catch2() {
    g++ -o "$work/catch2" "$work/projects/catch2/shop.cpp"
    run catch2 "$work/catch2" --reporter junit --out "$out/catch2.xml"
    run catch2 "$work/catch2"
}

make_gtest() {
    g++ -o "$work/gtest" "$work/projects/gtest/shop.cpp" -lgtest -lgtest_main -pthread
    run gtest "$work/gtest" --gtest_output="xml:$out/gtest.xml"
}

make_phpunit() {
    run phpunit phpunit --no-configuration --do-not-cache-result --log-junit "$out/phpunit.xml" .
}

make_rspec() {
    run rspec rspec --format progress --format RspecJunitFormatter --out "$out/rspec.xml" shop_spec.rb
}

make_nunit() {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
        --requirement "$work/projects/nunit/requirements.txt"
    run nunit "$work/venv/bin/python" -m pytest -p no:cacheprovider --nunit-xml="$out/nunit.xml" test_shop.py
}

# Once for all that need it.
install_npm() {
    [[ -d $work/projects/node_modules ]] ||
        npm --prefix "$work/projects" install --ignore-scripts --no-audit --no-fund --no-package-lock >/dev/null
    PATH=$work/projects/node_modules/.bin:$PATH
}

make_cucumber() {
    install_npm
    run cucumber cucumber-js --format "json:$out/cucumber.json" --format summary
}

make_jest() {
    install_npm
    JEST_JUNIT_OUTPUT_FILE=$out/jest.xml run jest jest --rootDir . --reporters=default --reporters=jest-junit
}

make_mocha() {
    install_npm
    run mocha-json mocha a.js --reporter json --reporter-option "output=$out/mocha.json"
    run mocha-xunit mocha a.js --reporter xunit --reporter-option "output=$out/mocha-xunit.xml"
    run mocha-awesome mocha a.js --reporter mochawesome \
        --reporter-option "reportDir=$out,reportFilename=mochawesome,html=false,quiet=true"
    rm -f -- "$printed"/mocha-*.txt
    run mocha mocha a.js --reporter dot
}

make_playwright() {
    install_npm
    run playwright playwright test # which reports it writes says its configuration
}

make_go() {
    GOBIN=$work/bin go install github.com/jstemmer/go-junit-report/v2@v2.1.0
    run go go test -v ./...
    "$work/bin/go-junit-report" <"$printed/go.txt" >"$out/go-junit-report.xml" || :
}

# Surefire writes all properties of the virtual machine into its report; they are left out.
make_testng() {
    local made=$work/projects/testng/target/surefire-reports
    run testng mvn --batch-mode --no-transfer-progress test
    cp -- "$made/testng-results.xml" "$out/testng.xml"
    sed '/<properties>/,/<\/properties>/d' "$made/TEST-TestSuite.xml" >"$out/surefire.xml"
}

# --- all of it ---

wanted=()
while (($# > 0)); do
    case $1 in
    --help | -h)
        print_help
        exit 0
        ;;
    --into)
        reports=${2:?--into needs a folder}/reports printed=$2/printed
        shift
        ;;
    *)
        [[ " ${debian[*]} ${npm[*]} ${pypi[*]} ${others[*]} " == *" $1 "* ]] || { print_help >&2 && exit 2; }
        wanted+=("$1")
        ;;
    esac
    shift
done
((${#wanted[@]} > 0)) || wanted=("${debian[@]}" "${npm[@]}" "${pypi[@]}" "${others[@]}")

mkdir -p -- "$reports" "$printed"
reports=$(realpath -- "$reports") printed=$(realpath -- "$printed")
work=$(mktemp -d)
readonly work out=$work/out
trap 'rm -rf -- "$work"' EXIT
cp -r -- "$here/projects" "$work/"
mkdir -- "$out"

for tool in "${wanted[@]}"; do
    "make_$tool"
    echo "$tool: done"
done

# Times differ from machine to machine, and so do the folder and what the machine is: these go.
for report in "$out"/*.json "$out"/*.xml; do
    if [[ -e $report ]]; then
        sed "s#$work#/project#g; s#\(hostname\|machine-name\|os-version\)=\"[^\"]*\"#\1=\"machine\"#g" "$report" \
            >"$reports/${report##*/}"
    fi
done
# Traces of Java say nothing here.
sed -i "s#$work#/project#g; /^\tat /d" "$printed"/*.txt
