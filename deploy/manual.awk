# Makes a manual page of what a program's --help prints. Set: name, section, version; summary, when the help has no section NAME.
# A line in capitals, or "Environment:", begins a section; other lines keep their breaks.
function escaped(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    sub(/^\./, "\\\\\\&.", text)
    return text
}

function begin(title) {
    if (in_section)
        print ".fi"
    print ".SH " title
    print ".nf"
    in_section = 1
    pending = 0
}

BEGIN {
    printf ".TH %s %s \"\" \"%s %s\" \"TestKase tokens\"\n", toupper(name), section, name, version
    if (summary != "")
        printf ".SH NAME\n%s \\- %s\n", escaped(name), escaped(summary)
}

/^Usage: / {
    begin("SYNOPSIS")
    print escaped(substr($0, 8))
    begin("DESCRIPTION")
    next
}
/^Environment:$/ { begin("ENVIRONMENT"); next }
/^[A-Z][A-Z ]+$/ {
    if ($0 == "NAME") {
        print ".SH NAME"
        getline
        sub(/^ +/, "")
        sub(/ - /, " \\- ")
        print
    } else
        begin($0)
    next
}
/^$/ { pending = 1; next }
in_section {
    if (pending)
        print ""
    pending = 0
    sub(/^    /, "")
    print escaped($0)
}
END { print ".fi" }
