# Completes vestibule's command line in bash. Made by scripts/interface.py from
# docs/help.txt.
# shellcheck shell=bash

_vestibule() {
    local word=${COMP_WORDS[COMP_CWORD]} place=options index=1
    local options='@OPTIONS@'
    COMPREPLY=()
    # Options end at the first word that is none, or after `--`.
    while [ "$index" -lt "$COMP_CWORD" ] && [ "$place" = options ]; do
        case ${COMP_WORDS[index]} in
            @VALUED@) index=$((index + 1)) ;;
            --) place='command' ;;
            -*) ;;
            @ANY@) place=${COMP_WORDS[index]} ;;
            *) return ;;
        esac
        index=$((index + 1))
    done
    # What follows a command is the command's own: readline completes files.
    if [ "$place" = command ] && [ "$index" -lt "$COMP_CWORD" ]; then
        return
    fi
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        --log-format)
            mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word")
            return
            ;;
        -p | -r | --rewrite)
            mapfile -t COMPREPLY < <(compgen -A signal -- "$word")
            return
            ;;
        @OTHERS@) return ;;
    esac
    case $place in
@CASES@
    esac
    case $place:$word in
        command:*) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
        *:-*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
        options:*) mapfile -t COMPREPLY < <(compgen -W '@SUBCOMMANDS@' -- "$word"; compgen -c -- "$word") ;;
        exec:*) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
    esac
}

complete -o default -F _vestibule vestibule
