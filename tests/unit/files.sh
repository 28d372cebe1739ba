#!/bin/sh
# tree_files PATTERN...: the files of the tree that match, tracked or new, and really there; with CASEMILL_STAGED, which
# .githooks/pre-commit sets, those that are staged.
# Sourced by the checks.
tree_files() {
    if [ -n "${CASEMILL_STAGED:-}" ]; then
        git diff --cached --name-only --diff-filter=d -- "$@"
    else
        git ls-files -co --exclude-standard -- "$@"
    fi | while read -r tree_file; do
        [ ! -e "$tree_file" ] || echo "$tree_file"
    done
}
