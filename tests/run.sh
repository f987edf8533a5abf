#!/bin/bash
# Runs the tests. See --help.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

tests=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly tests root=${tests%/*}
readonly logs=$root/build/test-logs
# shellcheck source=deploy/progress.sh
source "$root/deploy/progress.sh"
# shellcheck source=deploy/build.sh
source "$root/deploy/build.sh"

readonly suites=(lint tidy unit tsan fuzz model integration api browser fault deploy boot docs coverage)
readonly extra=(tools) # not among those of a whole run
readonly quick=(lint unit integration docs)
readonly programs=(common server worker admin reporter)
readonly fuzz_seconds=20
readonly fuzz_seed=1 # a run is repeatable; build/fuzz/tests/fuzz/NAME by hand searches elsewhere
# Two of pytest's workers for each processor, since tests wait a lot; each has a PostgreSQL cluster of its own, so that more
# than 8 would not find room everywhere.
workers=$((2 * $(nproc)))
((workers <= 8)) || workers=8
readonly workers
passed=0 failed=0 skipped=0 complete=0
preset=asan suite='' covered=''
counting=$preset # the preset of those tests whose lines are counted; see run_coverage
counted=()       # the suites that have counted in this run

print_help() {
    cat <<END
Usage: tests/run.sh [quick | SUITE...]

Installs the Debian packages that the tests need and that are missing (as root or by sudo), and runs all
suites, or those named. Databases and ports are the tests' own. The last line says how many tests passed
and failed; the exit status is 0 only when none failed. The whole output is in build/test-logs.

  quick        for everyday work: ${quick[*]}, with the programs built without sanitizers
               (preset dev); the whole run is what continuous integration runs

  lint         clang-format, cppcheck, shellcheck, and words that finished work does not have; the pages:
               prettier, eslint, types by tsc
  tidy         clang-tidy on every source of the programs
  unit         the C tests, with AddressSanitizer and UndefinedBehaviorSanitizer
  tsan         those of them that start threads, and a server under revocations, with ThreadSanitizer
  fuzz         every libFuzzer target, $fuzz_seconds s each
  model        the protocol that decides whether a token lives, checked over its whole state space
  integration  the programs on real databases, through their interfaces
  api          whether a server is as server/openapi.json says, also by requests made from it
  browser      the pages in a real browser, on a real server; pictures of every view are in build/screenshots,
               those of failed tests in build/test-logs/browser
  fault        the programs on real databases when something breaks
  deploy       deploy/local.sh, what README.md and docs show, the recipes for CI systems in deploy/ci, the static
               reporter, and its npm package
  boot         the Debian packages on a machine of their own, in a container with systemd: installed, set up,
               restarted, upgraded, removed; and deploy/docker, each of whose containers is killed under traffic
  docs         whether the documents agree with the tree, and whether this script counts right
  coverage     which lines of C the unit and integration tests run; the figure stands near the end, those of
               the folders are in build/test-logs/coverage. Unless it is named alone, it adds up what the
               suites unit and integration have counted

Not among all suites, and run only when it is named:

  tools        real test runners of Debian, PyPI and npm, which it installs: what the reporter counts in their
               reports is what they print (other suites use reports that were kept)

Python tests of integration, api, browser and fault run side by side, $workers at once here; those with the mark
"alone" measure times or resources, and nothing runs beside them.

A test that fails is run once more, alone. If it passes then, it counts as passed, is listed at the end as
flaky, and in build/test-logs/flaky. Those that failed are listed last, with the ends of their messages, and
in build/test-logs/failed. For tests with the mark "no_second_chance" (revocation, secrecy,
durability) one failure is a failure; so it is when more than 20 tests of a suite fail.
END
}

# --- counting ---

count() {
    passed=$((passed + $1)) failed=$((failed + $2))
}

# count_failed WHAT: one failed test, which is named at the end of the run.
count_failed() {
    count 0 1
    printf '  %s: %s\n' "${suite:-set-up}" "$1" >>"$logs/failed"
}

# check TITLE LOG COMMAND...: a command that is one test.
check() {
    if progress "$@"; then
        count 1 0
    else
        count_failed "$1"
    fi
}

# check_side_by_side TITLE FUNCTION NAME...: "FUNCTION NAME" for every name, as many at once as there are processors. Each is
# one test with a log of its own.
check_side_by_side() {
    local title=$1 function=$2 name
    shift 2
    rm -f -- "${@/#/$logs/passed-}"
    progress "$title" "$logs/side-by-side.log" side_by_side "$function" "$@" || :
    cat -- "$logs/side-by-side.log"
    for name in "$@"; do
        if [[ -e $logs/passed-$name ]]; then
            count 1 0
            rm -f -- "$logs/passed-$name"
        else
            count_failed "$name"
            say "$name: failed; the end of $logs/$name.log:"
            tail -n 40 -- "$logs/$name.log"
        fi
    done
}

# In a shell of its own, which has no other children to wait for, and which begins nothing when this script is gone.
side_by_side() (
    function=$1 running=0
    for name in "${@:2}"; do
        if ((running == $(nproc))); then
            wait -n || :
            running=$((running - 1))
        fi
        kill -0 $$ 2>/dev/null || exit 1
        running=$((running + 1))
        one_of_many "$function" "$name" &
    done
    wait
)

one_of_many() {
    local started=$SECONDS
    if "$1" "$2" >"$logs/$2.log" 2>&1; then
        : >"$logs/passed-$2"
        say "$2: done in $((SECONDS - started)) s"
    else
        say "$2: failed after $((SECONDS - started)) s"
    fi
}

# Compiles, once in a run. A preset that does not compile is a failed test.
compile() {
    local preset=$1
    shift
    if [[ " ${compiled[*]-} " != *" $preset "* ]]; then
        if ! build_preset "$root" "$preset" "$logs" "$@"; then
            count_failed "compiling for the preset $preset"
            return 1
        fi
        compiled+=("$preset")
    fi
}

list_sources() {
    local folder
    for folder in "${programs[@]}" "$@"; do
        find "$root/$folder" -name '*.[ch]' -print0
    done | sort -z
}

# --- lint, tidy ---

run_lint() {
    local sources scripts
    mapfile -d '' -t sources < <(list_sources tests)
    mapfile -d '' -t scripts < <(find "$root/deploy" "$root/tests" -type f '(' -name '*.sh' -or -name '*.sh.in' -or \
        -name '*.bash' -or -path '*/debian/*' -name 'p*' ')' -print0)
    check clang-format "$logs/clang-format.log" clang-format --dry-run -Werror "${sources[@]}"
    check shellcheck "$logs/shellcheck.log" \
        env --chdir="$root" shellcheck --external-sources "${scripts[@]#"$root"/}" .ci/run
    check cppcheck "$logs/cppcheck.log" env --chdir="$root" cppcheck --quiet --error-exitcode=1 --inline-suppr \
        --enable=warning,performance,portability --std=c11 --library=gnu --suppress=missingIncludeSystem \
        -D_GNU_SOURCE -I . -j "$(nproc)" "${programs[@]}"
    check 'unfinished work' "$logs/unfinished.log" lint_unfinished
    lint_web
}

lint_unfinished() {
    ! grep -rnwE 'TODO|FIXME|XXX|HACK' --include='*.[ch]' --include='*.sql' --include='*.py' --include='*.cmake' \
        "${programs[@]/#/$root/}" "$root/sql" "$root/cmake" "$root/tests"
}

# The pages in server/web: format, style, types. The programs are installed in build/web-checks, as tests/web/package-lock.json
# says; they find each other there, so their configuration is copied.
lint_web() {
    local bin=$root/build/web-checks/node_modules/.bin
    if ! progress 'checks of the pages' "$logs/web-install.log" install_web_checks; then
        count_failed 'installing the checks of the pages'
        return
    fi
    check prettier "$logs/prettier.log" env --chdir="$root" "$bin/prettier" --check --config tests/web/.prettierrc.json \
        server/web/js server/web/css server/web/first.js tests/web/*.json tests/{web,deploy}/*.mjs
    check eslint "$logs/eslint.log" env --chdir="$root" "$bin/eslint" --max-warnings 0 \
        --config build/web-checks/eslint.config.mjs server/web/js server/web/first.js
    check tsc "$logs/tsc.log" "$bin/tsc" --project "$tests/web/tsconfig.json"
}

install_web_checks() {
    local folder=$root/build/web-checks
    command -v npm >/dev/null || "$root/deploy/install-packages.sh" node 9>&- || return
    mkdir -p -- "$folder" &&
        cp -- "$tests"/web/{package.json,package-lock.json,.npmrc,eslint.config.mjs} "$folder/" || return
    cmp --silent -- "$folder/package-lock.json" "$folder/node_modules/.installed" && return
    npm --prefix "$folder" ci --ignore-scripts && cp -- "$folder/package-lock.json" "$folder/node_modules/.installed"
}

# One test for each source file.
run_tidy() {
    local sources
    mapfile -d '' -t sources < <(list_sources | grep -z '\.c$')
    compile asan || return 0
    : >"$logs/clang-tidy.failed"
    progress clang-tidy "$logs/clang-tidy.log" tidy_all "${sources[@]}" || :
    local bad
    bad=$(wc -l <"$logs/clang-tidy.failed")
    count "$((${#sources[@]} - bad))" "$bad"
    sed "s|^$root/|  tidy: |" "$logs/clang-tidy.failed" >>"$logs/failed"
}

tidy_all() {
    # shellcheck disable=SC2016 # for the inner shell
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c '
        clang-tidy --quiet -p "$1/build/asan" "$3" 2>&1 || { echo "$3" >>"$2"; exit 1; }' - "$root" "$logs/clang-tidy.failed"
}

# --- second chances ---

junit() {
    env --chdir="$tests" /usr/bin/python3 -EsB -m support.junit "$@"
}

# list_again NAME: sets `again` to those tests of NAME.xml that failed and may be run again. Fails when there are none.
list_again() {
    again=()
    [[ ! -s $logs/$1.xml ]] || mapfile -t again < <(junit again "$logs/$1.xml")
    ((${#again[@]} > 0))
}

# tally NAME STATUS BAD: counts the tests of NAME.xml, and of NAME-again.xml for those that were run again. STATUS is that
# of the first run; BAD is the one by which its program says that tests failed: any other means that it broke off.
tally() {
    local name=$1 status=$2 bad=$3 lines=() numbers=(0 0 0) flaky
    if [[ -s $logs/$name.xml ]]; then
        mapfile -t lines < <(junit count "$logs/$name.xml" "$logs/$name-again.xml")
    fi
    if ((${#lines[@]} > 0)); then
        read -ra numbers <<<"${lines[0]}"
        count "${numbers[0]}" "${numbers[1]}"
        skipped=$((skipped + numbers[2]))
    fi
    ((${#lines[@]} <= 1)) || printf '%s\n' "${lines[@]:1}" | sed 's/ /: /'
    flaky=$(printf '%s\n' "${lines[@]:1}" | sed -n "s/^flaky /$suite /p")
    [[ -z $flaky ]] || printf '%s\n' "$flaky" >>"$logs/flaky"
    ((numbers[1] == 0)) || junit failures "$logs/$name.xml" "$logs/$name-again.xml" >>"$logs/failed"
    # No failure without a test that failed, and no success of what broke off.
    if ((${#lines[@]} == 0 || status != 0 && numbers[1] == 0)) && [[ $status != "$bad" || -z $flaky ]]; then
        say "$name tests ended with status $status"
        count_failed "the $name tests ended with status $status"
    fi
}

# --- unit, tsan ---

# ctest_once NAME PRESET [OPTION...]
ctest_once() {
    local name=$1 folder=$root/build/$2
    shift 2
    rm -f -- "$logs/$name.xml"
    progress "$name tests" "$logs/$name.log" env CMOCKA_MESSAGE_OUTPUT=TAP timeout --kill-after=10 900 \
        ctest --test-dir "$folder" --verbose --no-tests=error --output-junit "$logs/$name.xml" \
        --test-output-size-passed 1000000 --test-output-size-failed 1000000 "$@"
}

# run_ctest NAME PRESET [OPTION...]: the C programs of build/PRESET.
run_ctest() {
    local name=$1 preset=$2 status=0
    shift 2
    rm -f -- "$logs/$name-again.xml"
    ctest_once "$name" "$preset" --parallel "$(nproc)" "$@" || status=$?
    if ((status == 8)) && list_again "$name"; then
        ctest_once "$name-again" "$preset" --rerun-failed || :
    fi
    tally "$name" "$status" 8
}

run_unit() {
    compile "$counting" || return 0
    begin_counting unit
    run_ctest unit "$counting"
}

# The unit tests whose own source or whose tested file has to do with threads.
list_threaded() {
    local test folder name
    for test in "$tests"/unit/*/test_*.c; do
        folder=$(basename -- "$(dirname -- "$test")") name=$(basename -- "$test" .c)
        if grep -qE '<(pthread|stdatomic|threads)\.h>' "$test" "$root/$folder/${name#test_}".[ch] 2>/dev/null; then
            echo "$folder/$name"
        fi
    done
}

run_tsan() {
    local names targets pattern
    mapfile -t names < <(list_threaded)
    if ((${#names[@]} == 0)); then
        count_failed 'no tests with threads found'
        return
    fi
    targets=("${names[@]/#/unit_}")
    compile tsan testkase-server testkase-worker "${targets[@]//\//_}" || return 0
    pattern=$(IFS='|' && echo "^(${names[*]})\$")
    run_ctest tsan tsan --tests-regex "$pattern"
    run_pytest tsan-load 300 tsan fault/test_revocation.py::test_no_worker_and_nothing_else_amiss \
        fault/test_revocation.py::test_listening_connections_cut
}

# --- fuzz ---

fuzz() {
    local name=$1 short=${1#fuzz_} seeds=()
    mkdir -p -- "$root/build/fuzz-corpus/$short"
    [[ ! -d $tests/fuzz/corpus/$short ]] || seeds=("$tests/fuzz/corpus/$short")
    timeout --kill-after=10 "$((fuzz_seconds + 60))" "$root/build/fuzz/tests/fuzz/$name" -max_total_time="$fuzz_seconds" \
        -seed="$fuzz_seed" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$logs/$name-" \
        "$root/build/fuzz-corpus/$short" "${seeds[@]}"
}

run_fuzz() {
    local targets
    mapfile -t targets < <(find "$tests/fuzz" -name 'fuzz_*.c' -printf '%f\n' | sed 's/\.c$//' | sort)
    if ((${#targets[@]} == 0)); then
        count_failed 'no targets found'
        return
    fi
    compile fuzz "${targets[@]}" || return 0
    check_side_by_side 'fuzz targets' fuzz "${targets[@]}"
}

# --- model ---

model() {
    local variant=${1#model-}
    if [[ $variant == holds ]]; then
        "$tests/model/check.sh" "$root/build/model/$variant" holds
    else
        "$tests/model/check.sh" "$root/build/model/$variant" breaks "-D$variant"
    fi
}

# The model holds, and breaks with each change that must break it.
run_model() {
    check_side_by_side 'model' model model-{holds,BUMP_OUTSIDE,SEQUENCE,ASKED_EARLY,GAPS,KEPT_OLD,UNHELD,REACHED}
}

# --- the suites in Python ---

# pytest_once NAME SECONDS PRESET ARGUMENT...
pytest_once() {
    local name=$1 seconds=$2 bin=$root/build/$3
    shift 3
    rm -f -- "$logs/$name.xml"
    # When this script is killed, so are they, and take down the databases that they started.
    progress "$name tests" "$logs/$name.log" env --chdir="$tests" PAT_TEST_BIN="$bin" setpriv --pdeathsig TERM \
        timeout --signal=INT --kill-after=60 "$seconds" /usr/bin/python3 -EsB -m pytest -p no:cacheprovider -v --color=no \
        --junitxml="$logs/$name.xml" --bin="$bin" "$@"
}

# run_pytest NAME SECONDS PRESET ARGUMENT...: those tests, paths below tests/, with the programs of build/PRESET.
run_pytest() {
    local name=$1 status=0
    rm -f -- "$logs/$name-again.xml"
    pytest_once "$@" || status=$?
    if ((status == 1)) && list_again "$name"; then
        pytest_once "$name-again" "$2" "$3" "${again[@]}" || :
    fi
    tally "$name" "$status" 1
}

# run_pytest_both FOLDER SECONDS PRESET [PRESET]: those that bear company side by side, then the others, with the programs of
# the second preset.
run_pytest_both() {
    run_pytest "$1" "$2" "$3" --numprocesses "$workers" -m 'not alone' "$1"
    run_pytest "$1-alone" "$2" "${4-$3}" -m alone "$1"
}

run_integration() {
    compile "$preset" && compile "$counting" || return 0
    begin_counting integration
    run_pytest_both integration 1800 "$counting" "$preset"
}

run_api() {
    compile "$preset" || return 0
    run_pytest api 900 "$preset" --numprocesses "$workers" api
}

run_browser() {
    compile "$preset" || return 0
    run_pytest_both browser 1200 "$preset"
}

run_fault() {
    compile asan || return 0
    run_pytest_both fault 1200 asan
}

run_deploy() {
    local lists=(static)
    command -v npm >/dev/null || lists+=(node)
    if ! "$root/deploy/install-packages.sh" "${lists[@]}" 9>&-; then
        count_failed 'installing packages'
        return
    fi
    compile asan || return 0
    run_pytest deploy 900 asan --numprocesses 2 --dist loadfile -m 'not alone' deploy
    run_pytest deploy-alone 900 asan -m alone deploy
}

run_boot() {
    if ! "$root/deploy/install-packages.sh" boot 9>&-; then
        count_failed 'installing packages'
        return
    fi
    run_pytest boot 1500 package boot
}

run_docs() {
    run_pytest docs 300 asan docs
}

run_tools() {
    "$root/deploy/install-packages.sh" tools 9>&-
    command -v npm >/dev/null || "$root/deploy/install-packages.sh" node 9>&-
    compile asan || return 0
    run_pytest tools 900 asan tools
}

# --- coverage ---

# When coverage is wanted, the suites unit and integration run programs that count, and are not run a second time. What was killed
# by SIGKILL has counted nothing. Tests that are alone measure times, so their programs do not count.
run_coverage() {
    local suite_to_count
    for suite_to_count in unit integration; do
        [[ " ${counted[*]-} " == *" $suite_to_count "* ]] || "run_$suite_to_count"
    done
    [[ -e $root/build/coverage/build.ninja ]] || return 0 # it did not compile, which is a failed test
    rm -f -- "$logs/coverage"
    check 'adding up' "$logs/coverage.log" measure_coverage
    [[ ! -s $logs/coverage ]] || covered=$(tail -n 1 -- "$logs/coverage")
}

# begin_counting SUITE
begin_counting() {
    [[ $counting == coverage ]] || return 0
    ((${#counted[@]} > 0)) || forget_counters
    counted+=("$1")
}

# Those of earlier runs, and those of files that are no more, which gcovr would look for.
forget_counters() {
    local folder=$root/build/coverage notes
    find "$folder" -name '*.gcda' -delete
    ninja -C "$folder" -t cleandead >/dev/null
    find "$folder" -name '*.gcno' -print0 | while IFS= read -rd '' notes; do
        [[ -e ${notes%.gcno}.o ]] || rm -f -- "$notes"
    done
}

# A program that counted no line of its main() did not write its counters at its end: that is no measurement.
measure_coverage() {
    local csv=$logs/coverage.csv mains
    mains=$(find "${programs[@]/#/$root/}" -name main.c | wc -l)
    gcovr --root "$root" --object-directory "$root/build/coverage" -j "$(nproc)" "${programs[@]/#/--filter=$root/}" \
        --csv "$csv" "$root/build/coverage" &&
        awk -F, -v mains="$mains" -f "$tests/support/coverage.awk" "$csv" >"$logs/coverage.new" &&
        mv -- "$logs/coverage.new" "$logs/coverage"
}

# --- all of it ---

run_suite() {
    local started=$SECONDS passed_before=$passed failed_before=$failed
    suite=$1
    say "== $1"
    "run_$1"
    say "== $1: $((passed - passed_before)) passed, $((failed - failed_before)) failed in $((SECONDS - started)) s"
}

# The last word, also when the run itself broke off or was ended.
finish() {
    ((complete)) || count_failed 'the run broke off'
    [[ -z $covered ]] || say "coverage: $covered"
    if [[ -s $logs/flaky ]]; then
        say "$(wc -l <"$logs/flaky") flaky: failed, and passed when run again, alone:"
        sed 's/^/  /' "$logs/flaky"
    fi
    ((skipped == 0)) || say "$skipped skipped"
    if [[ -s $logs/failed ]]; then
        say 'failed:'
        cat -- "$logs/failed"
    fi
    say "$passed passed, $failed failed"
    ((failed == 0)) || exit 1
}

wanted=()
for argument in "$@"; do
    if [[ $argument == quick && $# == 1 ]]; then
        preset=dev counting=dev wanted=("${quick[@]}")
        break
    elif [[ $argument == --help || $argument == -h ]]; then
        print_help
        exit 0
    elif [[ " ${suites[*]} ${extra[*]} " != *" $argument "* ]]; then
        printf 'run.sh: there is no suite "%s"; there are: %s; or quick, alone\n' "$argument" "${suites[*]} ${extra[*]}" >&2
        exit 2
    fi
    wanted+=("$argument")
done
# The sanitizers of gcc 12 and clang 14 do not cope with the wide address randomization of newer kernels.
if [[ -z ${TESTS_FIXED_ADDRESSES-} ]] && setarch --addr-no-randomize true 2>/dev/null; then
    export TESTS_FIXED_ADDRESSES=1
    exec setarch --addr-no-randomize "$0" "$@"
fi
# What the caller has set for services and databases is not for the tests.
unset "${!TESTKASE_@}" "${!PG@}" "${!PYTEST_@}"

mkdir -p -- "$logs"
exec 9>"$logs/lock"
flock --wait 2 9 || fail 'another run of the tests is at work in this tree'
trap finish EXIT
rm -f -- "$logs/flaky" "$logs/failed"
"$root/deploy/install-packages.sh" build run test 9>&-
compiled=()
((${#wanted[@]} > 0)) || wanted=("${suites[@]}")
[[ " ${wanted[*]} " != *" coverage "* ]] || counting=coverage
for suite in "${wanted[@]}"; do
    run_suite "$suite"
done
complete=1
