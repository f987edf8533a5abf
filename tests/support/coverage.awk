# From gcovr's CSV (file, lines, lines that ran, …) a table of folders, and last "P % of lines (R of N)". Fails when any of the
# `mains` files main.c did not run.
NR > 1 {
    folder = $1
    sub(/\/[^\/]*$/, "", folder)
    lines[folder] += $2
    ran[folder] += $3
    all_lines += $2
    all_ran += $3
    if ($1 ~ /\/main\.c$/ && $3 > 0) main_ran++
}

END {
    if (main_ran != mains) {
        printf "%d of %d programs have counted\n", main_ran, mains >"/dev/stderr"
        exit 1
    }
    for (folder in lines) {
        share = 100 * ran[folder] / lines[folder]
        printf "%-20s %5.1f %% of lines (%d of %d)\n", folder, share, ran[folder], lines[folder] | "sort"
    }
    close("sort")
    printf "%.1f %% of lines (%d of %d)\n", 100 * all_ran / all_lines, all_ran, all_lines
}
