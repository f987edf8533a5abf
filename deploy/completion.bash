# shellcheck shell=bash
# Completion of testkase-admin for bash: nouns, verbs and options, as its --help lists them.
_testkase_admin() {
    local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} known
    case $COMP_CWORD:$word in
    *:-*)
        # Of the subcommand, which has one word or two.
        known=$({ "$program" "${COMP_WORDS[@]:1:2}" --help || "$program" "${COMP_WORDS[1]}" --help; } 2>/dev/null |
            sed -n 's/^    \(--[a-z-]*\).*/\1/p')
        ;;
    1:*) known=$("$program" --help | sed -n 's/^    testkase-admin \([a-z][a-z-]*\).*/\1/p') ;;
    2:*) known=$("$program" --help | sed -n "s/^    testkase-admin ${COMP_WORDS[1]//[^a-z-]/} \([a-z][a-z-]*\).*/\1/p") ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$known" -- "$word" | sort --unique)
}
complete -F _testkase_admin testkase-admin
