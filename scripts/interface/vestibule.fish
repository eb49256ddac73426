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
            case @VALUED@
                set is_value yes
            case '-*'
            case @SUBCOMMANDS@
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

@LINES@
