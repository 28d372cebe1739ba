#!/bin/sh
# `cmake --install` for a program outside the tree.  It compiles with the flags of pkg-config alone, as C and C++, shared
# and static, and its cases get outcomes.  The libraries export casemill_* and nothing else.  The manual page has every
# function of the header.
# A failure means that somebody who installs the library cannot use it, or meets names that are not in its header.
# suite: full
. "$(dirname "$0")/lib.sh"

build=$(dirname "$bin")
# Into a directory: some destinations are absolute, /etc/casemill for example.
DESTDIR="$work/root" cmake --install "$build" >"$work/install.out" 2>&1 ||
    abort "cmake --install" "$(tail -n 1 "$work/install.out")"
find_installed() { find "$work/root" -path "*/$1"; }
library=$(find_installed libcasemill.so.1)
[ -n "$library" ] || abort "the shared library is installed, with its version"
lib_dir=$(dirname "$library")
header=$(find_installed include/casemill.h)
page=$(find_installed man3/casemill.3)
sed -n 's/^[a-z].*[ *]\(casemill_[a-z_]*\)(.*/\1/p' "$header" | grep -v 'casemill_receipt_fn' | sort >"$work/functions"
check "the header has functions ($(wc -l <"$work/functions"))" [ "$(wc -l <"$work/functions")" -ge 19 ]

# --- what it exports
exported() { nm "$@" | awk '$2 ~ /^[A-TV-Zi]$/ {print $3}' | sort; }
exported -D --defined-only "$library" >"$work/shared"
check "the shared library exports the functions of casemill.h and nothing else" cmp "$work/functions" "$work/shared"
exported --defined-only "$lib_dir/libcasemill.a" >"$work/static"
check "so does the static one" cmp "$work/functions" "$work/static"
readelf -d "$library" >"$work/dynamic"
contains "its name has the version of its interface" "$work/dynamic" 'SONAME.*\[libcasemill\.so\.1\]'
check "the name for the linker leads to it" test "$lib_dir/libcasemill.so" -ef "$library"

# --- the manual page
check "the manual page has no fault" sh -c "[ -s '$page' ] && [ -z \"\$(groff -man -ww -z '$page' 2>&1)\" ]"
groff -man -Tascii -P-cbou -rLL=200n "$page" >"$work/page" 2>&1
sed -n '/^FUNCTIONS/,/^TYPES/p' "$work/page" | sed -n 's/^ \{7\}[a-z].*[ *]\(casemill_[a-z_]*\)(.*/\1/p' | sort >"$work/described"
check "it describes every function" cmp "$work/functions" "$work/described"
contains "it has the types" "$work/page" 'int64_t unanswered_ms; /\* age of the oldest'
contains "it has the example" "$work/page" 'int main\(int argc, char \*\*argv\)'

# --- programs outside the tree
PKG_CONFIG_PATH=$lib_dir/pkgconfig
export PKG_CONFIG_PATH
mkdir "$work/outside"
cp "$(find_installed submit.c)" "$work/outside/" || abort "the example is installed"
cd "$work/outside" || exit 1
compile() { # compile NAME COMMAND...
    compile_name=$1
    shift
    "$@" >"$work/$compile_name.cc" 2>&1 || { head -n 5 "$work/$compile_name.cc" | sed 's/^/    | /'; false; }
}
# shellcheck disable=SC2046
{
    check "the example compiles" compile shared cc -Wall -Wextra -Werror -O2 submit.c $(pkg-config --cflags --libs casemill) -o submit
    check "with the static library, too" compile static cc submit.c $(pkg-config --cflags casemill) \
        "$lib_dir/libcasemill.a" $(pkg-config --libs libzmq libxxhash libsodium) -o submit-static
    echo '#include <casemill.h>' >header.c
    check "the header is C11" compile c11 cc -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags casemill) -c header.c
    cat >program.cc <<'END'
#include <casemill.h>
#include <iostream>
int main() { std::cout << casemill_version() << '\n'; }
END
    check "and C++11" compile cxx c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror program.cc $(pkg-config --cflags --libs casemill) -o program
}
cd "$root" || exit 1
LD_LIBRARY_PATH=$lib_dir
export LD_LIBRARY_PATH
version=$(pkg-config --modversion casemill)
equal "the library has the version of casemill.pc" "$("$work/outside/program")" "$version"
equal "and of the programs" "$("$bin/casemill" --version)" "casemill $version"
check "the static program needs no libcasemill.so" sh -c "! ldd '$work/outside/submit-static' | grep -q libcasemill"

# --- they run
database_start
broker_start
control="ipc://$work/control"
start waits "$work/outside/submit" "$intake"
waits_pid=$started_pid
wait_until 20 grep -q 'no lane is connected' "$work/waits.err"
contains "the example shows why it waits" "$work/waits.err" "^waiting for $intake: no lane is connected$"
casemill pause --control "$control" >"$work/pause.out" 2>&1
wait_until 20 grep -q paused "$work/waits.err"
contains "and that the broker is paused" "$work/waits.err" "^waiting for $intake: paused$"
casemill resume --control "$control" >"$work/pause.out" 2>&1
worker_start worker
wait_until 30 is_gone "$waits_pid" || abort "the example comes to its end"
reap "$waits_pid"
equal "it ends with 0" $? 0
equal "each case has its outcome" "$(cat "$work/waits.out")" "3 outcomes, 0 dead letters"
equal "in the database" "$(rows)" 3
equal "the static program gets the same" "$(timeout 30 "$work/outside/submit-static" "$intake")" "3 outcomes, 0 dead letters"
equal "once" "$(rows)" 3
casemill drain --control "$control" >"$work/drain.out" 2>&1
timeout 2 "$work/outside/submit" "$intake" >"$work/busy.out" 2>"$work/busy.err"
contains "BUSY, with its reason" "$work/busy.err" "^waiting for $intake: BUSY stopped: it accepts nothing until an operator resumes"
finish
