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

readonly suites=(lint tidy unit tsan fuzz model integration fault deploy docs)
readonly programs=(common server worker admin)
readonly fuzz_seconds=20
readonly fuzz_seed=1 # a run is repeatable; build/fuzz/tests/fuzz/NAME by hand searches elsewhere
passed=0 failed=0 skipped=0 complete=0

print_help() {
    cat <<END
Usage: tests/run.sh [SUITE...]

Installs the Debian packages that the tests need and that are missing (as root or by sudo), and runs all
suites, or those named. Databases and ports are the tests' own. The last line tells how many tests passed
and failed; the exit status is 0 only when none failed. Everything that was said is in build/test-logs.

  lint         clang-format, cppcheck, shellcheck, and words that finished work does not have
  tidy         clang-tidy on every source of the programs
  unit         the C tests, with AddressSanitizer and UndefinedBehaviorSanitizer
  tsan         those of them that start threads, and a server under revocations, with ThreadSanitizer
  fuzz         every libFuzzer target, $fuzz_seconds s each
  model        the protocol that decides whether a token lives, checked over its whole state space
  integration  the programs on real databases, through their interfaces
  fault        the same when something breaks
  deploy       deploy/local.sh, and what README.md shows
  docs         whether the documents agree with the tree
END
}

# --- counting ---

count() {
    passed=$((passed + $1)) failed=$((failed + $2))
}

# check TITLE LOG COMMAND...: a command that is one test.
check() {
    if progress "$@"; then
        count 1 0
    else
        count 0 1
    fi
}

# Compiles, once in a run. A preset that does not compile is a failed test.
compile() {
    local preset=$1
    shift
    if [[ " ${compiled[*]-} " != *" $preset "* ]]; then
        if ! build_preset "$root" "$preset" "$logs" "$@"; then
            count 0 1
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
    mapfile -d '' -t scripts < <(find "$root/deploy" "$root/tests" -name '*.sh' -print0)
    check clang-format "$logs/clang-format.log" clang-format --dry-run -Werror "${sources[@]}"
    check shellcheck "$logs/shellcheck.log" \
        env --chdir="$root" shellcheck --external-sources "${scripts[@]#"$root"/}" .ci/run
    check cppcheck "$logs/cppcheck.log" env --chdir="$root" cppcheck --quiet --error-exitcode=1 --inline-suppr \
        --enable=warning,performance,portability --std=c11 --library=gnu --suppress=missingIncludeSystem \
        -D_GNU_SOURCE -I . -j "$(nproc)" "${programs[@]}"
    check 'unfinished work' "$logs/unfinished.log" lint_unfinished
}

lint_unfinished() {
    ! grep -rnwE 'TODO|FIXME|XXX|HACK' --include='*.[ch]' --include='*.sql' --include='*.py' --include='*.cmake' \
        "${programs[@]/#/$root/}" "$root/sql" "$root/cmake" "$root/tests"
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
}

tidy_all() {
    # shellcheck disable=SC2016 # for the inner shell
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c '
        clang-tidy --quiet -p "$1/build/asan" "$3" 2>&1 || { echo "$3" >>"$2"; exit 1; }' - "$root" "$logs/clang-tidy.failed"
}

# --- unit, tsan ---

# Counts the single tests of all programs in ctest's verbose output; a program that failed without a failed test (it was
# killed, or a sanitizer spoke) counts as one.
count_ctest() {
    # shellcheck disable=SC2046 # two numbers
    count $(awk '
        /^[0-9]+: not ok / { failed++; told[$1 + 0] = 1; next }
        /^[0-9]+: ok / { passed++; next }
        match($0, /Test +#[0-9]+: .*\*\*\*/) { split($0, part, "#"); if (!told[part[2] + 0]) failed++ }
        END { print passed + 0, failed + 0 }' "$1")
}

# run_ctest NAME PRESET [OPTION...]
run_ctest() {
    local log=$logs/$1.log preset=$2 title=$1 before=$failed
    shift 2
    if progress "$title tests" "$log" env CMOCKA_MESSAGE_OUTPUT=TAP timeout --kill-after=10 900 \
        ctest --test-dir "$root/build/$preset" --verbose --no-tests=error --parallel "$(nproc)" "$@"; then
        count_ctest "$log"
    else
        grep -aE '^[0-9]+: not ok |\*\*\*|Sanitizer|Assertion' "$log" | head -n 40 || :
        count_ctest "$log"
        ((failed > before)) || count 0 1
    fi
}

run_unit() {
    compile asan || return 0
    run_ctest unit asan
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
        count 0 1
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
    local targets name
    mapfile -t targets < <(find "$tests/fuzz" -name 'fuzz_*.c' -printf '%f\n' | sed 's/\.c$//' | sort)
    if ((${#targets[@]} == 0)); then
        count 0 1
        return
    fi
    compile fuzz "${targets[@]}" || return 0
    for name in "${targets[@]}"; do
        check "$name" "$logs/$name.log" fuzz "$name"
    done
}

# --- model ---

# The model holds, and breaks with each change that must break it.
run_model() {
    local variant
    check 'the model holds' "$logs/model.log" "$tests/model/check.sh" "$root/build/model/holds" holds
    for variant in BUMP_OUTSIDE SEQUENCE ASKED_EARLY GAPS KEPT_OLD REACHED; do
        check "the model breaks with $variant" "$logs/model-$variant.log" \
            "$tests/model/check.sh" "$root/build/model/$variant" breaks "-D$variant"
    done
}

# --- the suites in Python ---

# A skipped test counts as failed, unless its reason is that this machine cannot do what it needs.
read -r -d '' count_junit <<'END' || :
import sys, xml.etree.ElementTree as tree
passed = failed = 0
skips = []
for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    kinds = {child.tag: child for child in case}
    if "failure" in kinds or "error" in kinds:
        failed += 1
    elif "skipped" in kinds:
        reason = kinds["skipped"].get("message", "")
        skips.append(f"{case.get('classname')}.{case.get('name')}: {reason}")
        failed += not reason.startswith(("this machine ", "this shell "))
    else:
        passed += 1
print(passed, failed, len(skips))
print("\n".join(skips), file=sys.stderr, end="\n" if skips else "")
END

# run_pytest NAME SECONDS PRESET TEST...: those tests, paths below tests/, with the programs of build/PRESET.
run_pytest() {
    local name=$1 seconds=$2 bin=$root/build/$3 xml=$logs/$1.xml counts before=$failed status=0
    shift 3
    rm -f -- "$xml"
    # When this script is killed, so are they, and take down the databases that they started.
    progress "$name tests" "$logs/$name.log" env --chdir="$tests" PAT_TEST_BIN="$bin" setpriv --pdeathsig TERM \
        timeout --signal=INT --kill-after=60 "$seconds" /usr/bin/python3 -EsB -m pytest -p no:cacheprovider -v --color=no \
        --junitxml="$xml" --bin="$bin" "$@" || status=$?
    if [[ -s $xml ]] && counts=$(/usr/bin/python3 -EsB -c "$count_junit" "$xml" 2>"$logs/$name.skipped"); then
        # shellcheck disable=SC2086 # numbers
        set -- $counts
        count "$1" "$2"
        skipped=$((skipped + $3))
        sed 's/^/skipped: /' "$logs/$name.skipped"
    fi
    if ((status != 0 && failed == before)); then
        say "pytest ended with status $status"
        count 0 1
    fi
}

run_integration() {
    compile asan || return 0
    run_pytest integration 900 asan integration
}

run_fault() {
    compile asan || return 0
    run_pytest fault 900 asan fault
}

run_deploy() {
    run_pytest deploy 900 asan deploy
}

run_docs() {
    run_pytest docs 120 asan docs
}

# --- all of it ---

run_suite() {
    local started=$SECONDS passed_before=$passed failed_before=$failed
    say "== $1"
    "run_$1"
    say "== $1: $((passed - passed_before)) passed, $((failed - failed_before)) failed in $((SECONDS - started)) s"
}

# The last word, also when the run itself broke off or was ended.
finish() {
    ((complete)) || count 0 1
    ((skipped == 0)) || say "$skipped skipped"
    say "$passed passed, $failed failed"
    ((failed == 0)) || exit 1
}

wanted=()
for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then
        print_help
        exit 0
    elif [[ " ${suites[*]} " != *" $argument "* ]]; then
        printf 'run.sh: there is no suite "%s"; there are: %s\n' "$argument" "${suites[*]}" >&2
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
"$root/deploy/install-packages.sh" build run test 9>&-
compiled=()
((${#wanted[@]} > 0)) || wanted=("${suites[@]}")
for suite in "${wanted[@]}"; do
    run_suite "$suite"
done
complete=1
