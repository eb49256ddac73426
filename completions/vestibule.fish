# Completes vestibule's command line in fish. Made by scripts/interface.py from
# docs/help.txt.

# Where the cursor is: among the options, after a subcommand, or in the command.
function __vestibule_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l is_value no
    for word in $words
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case --
                echo command
                return
            case --policy --profile -r --rewrite --grace -e -p --log-format
                set is_value yes
            case '-*'
            case check exec health scan
                echo $word
                return
            case '*'
                echo command
                return
        end
    end
    echo options
end

function __vestibule_is_at
    test (__vestibule_place) = $argv[1]
end

complete -c vestibule -n '__vestibule_is_at options' -l policy -r -F -d 'the policy (default /etc/vestibule/policy.json, if it exists)'
complete -c vestibule -n '__vestibule_is_at options' -l profile -x -d 'a profile of the policy'
complete -c vestibule -n '__vestibule_is_at options' -s g -d 'send signals to COMMAND\'s process group'
complete -c vestibule -n '__vestibule_is_at options' -s c -l single-child -d 'send signals to COMMAND alone (default)'
complete -c vestibule -n '__vestibule_is_at options' -s r -l rewrite -x -d 'send TO for FROM; TO 0 drops it; names or numbers'
complete -c vestibule -n '__vestibule_is_at options' -l grace -x -d 'KILL COMMAND this long after a stop signal (default: never)'
complete -c vestibule -n '__vestibule_is_at options' -s e -x -d 'report COMMAND\'s exit code CODE as 0 (repeatable)'
complete -c vestibule -n '__vestibule_is_at options' -s s -d 'adopt orphans when not PID 1'
complete -c vestibule -n '__vestibule_is_at options' -s p -x -d 'get SIGNAL when the parent process ends'
complete -c vestibule -n '__vestibule_is_at options' -l exec -d 'become COMMAND instead of supervising it'
complete -c vestibule -n '__vestibule_is_at options' -s v -l verbose -d 'say more (repeatable)'
complete -c vestibule -n '__vestibule_is_at options' -s w -d 'report each orphan that was reaped'
complete -c vestibule -n '__vestibule_is_at options' -l log-format -x -a 'text json' -d 'text (default) or json'
complete -c vestibule -n '__vestibule_is_at options' -s h -l help -d 'this text'
complete -c vestibule -n '__vestibule_is_at options' -s V -l version -d 'the version'
complete -c vestibule -n '__vestibule_is_at options' -s l -d 'the licence'
complete -c vestibule -n '__vestibule_is_at options' -f -a check -d 'is the policy right, is every secret there'
complete -c vestibule -n '__vestibule_is_at check' -l json -d 'answer in JSON'
complete -c vestibule -n '__vestibule_is_at check' -l policy -r -F -d 'the policy (default /etc/vestibule/policy.json, if it exists)'
complete -c vestibule -n '__vestibule_is_at check' -l profile -x -d 'a profile of the policy'
complete -c vestibule -n '__vestibule_is_at check' -s h -l help -d 'this text'
complete -c vestibule -n '__vestibule_is_at options' -f -a exec -d 'COMMAND beside main, confined as main is'
complete -c vestibule -n '__vestibule_is_at exec' -l prove -d 'try again to reach what main must not reach'
complete -c vestibule -n '__vestibule_is_at exec' -l json -d 'answer in JSON'
complete -c vestibule -n '__vestibule_is_at exec' -s h -l help -d 'this text'
complete -c vestibule -n '__vestibule_is_at options' -f -a health -d '0 once main has been started, else 1'
complete -c vestibule -n '__vestibule_is_at health' -s h -l help -d 'this text'
complete -c vestibule -n '__vestibule_is_at options' -f -a scan -d 'are the mounted secrets in files: 0 no, 1 yes'
complete -c vestibule -n '__vestibule_is_at scan' -l json -d 'answer in JSON'
complete -c vestibule -n '__vestibule_is_at scan' -l policy -r -F -d 'the policy (default /etc/vestibule/policy.json, if it exists)'
complete -c vestibule -n '__vestibule_is_at scan' -l profile -x -d 'a profile of the policy'
complete -c vestibule -n '__vestibule_is_at scan' -s h -l help -d 'this text'
