# shellcheck shell=bash
# A repository is made, packed, cloned with links and without, pushed to.
git config --global user.name somebody
git config --global user.email somebody@example.org
git config --global init.defaultBranch main
git init --quiet one
for number in 1 2 3; do
    echo "$number" > "one/file-$number"
    git -C one add .
    git -C one commit --quiet --message "commit $number"
done
git -C one gc --quiet
git clone --quiet one linked
git clone --quiet --no-local one copied
git -C copied checkout --quiet -b branch
git -C copied mv file-1 file-4
git -C copied commit --quiet --message moved
git -C copied push --quiet origin branch
git -C one worktree add --quiet ../tree branch
same "$(cat tree/file-4)" 1
git -C linked fetch --quiet
git -C linked rebase --quiet origin/branch
git -C linked stash list
git -C one repack --quiet -a -d
git -C one fsck --strict
tries git -C one hash-object "$WITHHELD"
tries git config --file "$WITHHELD" --list
echo worked
