# Completes vestibule's command line in bash. Made by scripts/interface.py from
# docs/help.txt.
# shellcheck shell=bash

_vestibule() {
    local word=${COMP_WORDS[COMP_CWORD]} place=options index=1
    local options='--policy --profile -g -c --single-child -r --rewrite --grace -e -s -p --exec -v --verbose -w --log-format -h --help -V --version -l'
    COMPREPLY=()
    # Options end at the first word that is none, or after `--`.
    while [ "$index" -lt "$COMP_CWORD" ] && [ "$place" = options ]; do
        case ${COMP_WORDS[index]} in
            --policy | --profile | -r | --rewrite | --grace | -e | -p | --log-format) index=$((index + 1)) ;;
            --) place='command' ;;
            -*) ;;
            check | exec | health | scan) place=${COMP_WORDS[index]} ;;
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
        --policy | --profile | --grace | -e) return ;;
    esac
    case $place in
        check) options='--json --policy --profile -h --help' ;;
        exec) options='--prove --json -h --help' ;;
        health) options='-h --help' ;;
        scan) options='--json --policy --profile -h --help' ;;
    esac
    case $place:$word in
        command:*) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
        *:-*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
        options:*) mapfile -t COMPREPLY < <(compgen -W 'check exec health scan' -- "$word"; compgen -c -- "$word") ;;
        exec:*) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
    esac
}

complete -o default -F _vestibule vestibule
