#!/bin/sh
# Answers of PostgreSQL: every statement that asks for rows is followed by a db_expect in its file, as
# many of them as there are such statements.
# A failure means that counts, NULLs or numbers of an answer are believed as the server sent them: a
# server that lies, or a table that somebody changed, then ends the program.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/unit/files.sh
passed=0
failed=0
for source in $(tree_files 'common/cli/*.c' 'common/db/*.c' 'worker/*.c'); do
    # one statement a line, then those that give rows: a result that is NULL is not wanted
    counts=$(tr '\n' ' ' <"$source" | sed 's/;/;\n/g' | awk '
        { gsub(/enum err [a-z_]+\(/, "") } # a definition is no call
        { asks += gsub(/(db_query|db_lane_select|lane_read)\(/, "&") }
        /(db_lane_exec|db_lane_transact)\(/ && !/, NULL\)/ { asks++ }
        { expects += gsub(/db_expect\(/, "&") }
        END { print asks + 0, expects + 0 }')
    case $source in
    worker/active_rules.c) counts="$((${counts% *} - 1)) ${counts#* }" ;; # one of two connections, one look
    worker/lane_db.c) counts="$((${counts% *} - 1)) ${counts#* }" ;;      # lane_read itself: its callers look
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
