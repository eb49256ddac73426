# shellcheck shell=bash
# A session with a shell that is typed into, and one with a command.
export TERM=xterm LC_ALL=C.UTF-8
tmux new-session -d -s typed sh
tmux send-keys -t typed 'echo typed > typed.txt; tmux wait-for -S typed' Enter
tmux wait-for typed
same "$(cat typed.txt)" typed
tmux new-window -t typed "cat '$WITHHELD' > seen.txt 2>&1; tmux wait-for -S seen"
tmux wait-for seen
tries cat seen.txt
tries tmux source-file "$WITHHELD"
tmux kill-server
echo worked
