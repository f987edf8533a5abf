# shellcheck shell=bash
# Sourced by the scripts, after progress.sh: compiling a preset of CMakePresets.json.

# build_preset TREE PRESET LOGS [TARGET...]: into TREE/build/PRESET, with what the tools say in the folder LOGS. Returns
# their status.
build_preset() {
    local tree=$1 preset=$2 output=$3 folder=$1/build/$2 fresh=()
    shift 3
    mkdir -p -- "$folder"
    [[ -w $folder ]] || fail "$folder cannot be written: another user has made it; remove it as that user"
    # A build folder remembers its path; after the tree was moved or copied it is of no use.
    if [[ -f $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$tree" "$folder/CMakeCache.txt"; then
        fresh=(--fresh)
    fi
    progress "Configuring build/$preset" "$output/configure-$preset.log" \
        env --chdir="$tree" cmake "${fresh[@]}" --preset "$preset" &&
        progress "Compiling build/$preset" "$output/compile-$preset.log" cmake --build "$folder" ${1:+--target "$@"}
}
