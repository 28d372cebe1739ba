#!/bin/sh
# .githooks refuses a commit whose staged files break layout, words or sizes, or whose subject is too long, and
# accepts a good one.
# A failure means that the hooks refuse nothing, or everything.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$(pwd)
. tests/unit/files.sh
passed=0
failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/copy
# A repository of its own, with the files of this tree: the hooks of the user do not apply.
mkdir "$copy" && tree_files >"$scratch/files" && tar -cf - -T "$scratch/files" | tar -xf - -C "$copy"
cd "$copy" || exit 1
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME="$scratch"
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example.org GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example.org
git init -q . && git add -A && git commit -qm "begin" && git config core.hooksPath .githooks

# commit EXPECTED TEXT SUBJECT: EXPECTED is "taken", or a line of the refusal; afterwards the tree is as before.
commit() {
    said=$(git commit -m "$3" 2>&1) && said=taken
    case $said in
    *"$1"*) passed=$((passed + 1)) ;;
    *) failed=$((failed + 1)) && echo "check_hooks: $2: expected '$1', got: $(echo "$said" | head -n 3)" ;;
    esac
    git reset -q --hard "$begin"
}
begin=$(git rev-parse HEAD)
long=$(printf 'int broker_a(void) {\n' && seq -f '    f(%.0f);' 80 && echo '}')
word=TO && word=${word}DO
echo '/* A comment. */' >>broker/table.c && git add -A && commit taken "a good commit" "Add a comment"
echo 'int  a;' >>broker/table.c && git add -A && commit check_format "layout" "Add a variable"
echo "$long" >>broker/table.c && git add -A && commit "at most 70" "size" "Add a function"
echo "int $word;" >broker/new.h && git add -A && commit "work left open" "words" "Add a word"
echo "- $word: later" >>README.md && git add README.md && git checkout -q HEAD -- broker && commit "work left open" "a page alone" "Add a word"
echo 'int  a;' >>broker/table.c && git add -A && git show HEAD:broker/table.c >broker/table.c &&
    commit check_format "the staged content counts, not the working tree" "Add a variable"
echo 'int  a;' >>broker/table.c && echo >>sql/roles.sql && git add sql/roles.sql &&
    commit taken "what is not staged does not count" "Add a line"
git rm -q broker/table.c && commit taken "a file that goes" "Remove a file"
echo '/* A comment. */' >>broker/table.c && git add -A &&
    commit "at most 72" "a long subject" "Add a comment whose subject has more than seventy-two characters, which is too long"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
