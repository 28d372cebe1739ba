#!/bin/sh
# The commands that READMEs show, for the tests that run them.  Sourced, not run.
#   block FILE HEADING N    prints the N-th code block below the heading, to the next heading of its level or above
block() {
    awk -v heading="$2" -v wanted="$3" '
        /^#/ { inside = $0 == heading; next }
        inside && /^    / && (!in_block) { in_block = 1; count++ }
        !/^    / { in_block = 0 }
        inside && in_block && count == wanted { print substr($0, 5); found = 1 }
        END { exit !found }' "$1"
}
