# shellcheck shell=bash
# Sourced by the scripts after progress.sh: compiles a preset of CMakePresets.json.

# build_preset TREE PRESET LOGS [TARGET...]: builds into TREE/build/PRESET, with the output of the tools in the folder LOGS.
# Returns their status.
build_preset() {
    local tree=$1 preset=$2 output=$3 folder=$1/build/$2 fresh=()
    shift 3
    mkdir -p -- "$folder"
    [[ -w $folder ]] || fail "$folder cannot be written: another user made it; remove it as that user"
    # A build folder records its path; after the tree was moved or copied, it cannot be used.
    if [[ -f $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$tree" "$folder/CMakeCache.txt"; then
        fresh=(--fresh)
    fi
    progress "Configuring build/$preset" "$output/configure-$preset.log" \
        env --chdir="$tree" cmake "${fresh[@]}" --preset "$preset" &&
        progress "Compiling build/$preset" "$output/compile-$preset.log" cmake --build "$folder" ${1:+--target "$@"}
}
