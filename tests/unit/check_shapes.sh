#!/bin/sh
# Answers of PostgreSQL: every statement with a result is followed by a db_expect in its file; both have the same
# number.
# A failure means that counts, NULLs or numbers of an answer are used as the server sent them. A false answer, or a
# table that an operator changed, would then end the program.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
passed=0
failed=0
for source in $(tree_files 'common/cli/*.c' 'common/db/*.c' 'worker/*.c'); do
    # one statement a line, then those with a result: NULL means that none is requested
    counts=$(tr '\n' ' ' <"$source" | sed 's/;/;\n/g' | awk '
        { gsub(/enum err [a-z_]+\(/, "") } # a definition is no call
        { asks += gsub(/(db_query|db_lane_select|lane_read)\(/, "&") }
        /(db_lane_exec|db_lane_transact)\(/ && !/, NULL\)/ { asks++ }
        { expects += gsub(/db_expect\(/, "&") }
        END { print asks + 0, expects + 0 }')
    case $source in
    worker/active_rules.c) counts="$((${counts% *} - 1)) ${counts#* }" ;; # one of two connections, one check
    worker/lane_db.c) counts="$((${counts% *} - 1)) ${counts#* }" ;;      # lane_read itself: its callers check
    esac
    if [ "${counts% *}" -gt "${counts#* }" ]; then
        failed=$((failed + 1))
        echo "check_shapes: $source asks ${counts% *} times for rows and has ${counts#* } db_expect"
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
