#!/bin/sh
# tree_files PATTERN...: the files of the tree that match, tracked or new, and really there.
# Sourced by the checks.
tree_files() {
    git ls-files -co --exclude-standard -- "$@" | while read -r tree_file; do
        [ ! -e "$tree_file" ] || echo "$tree_file"
    done
}
