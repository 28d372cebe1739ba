#!/bin/sh
# The layers: which folder may include which other folder, and which single folder may use a foreign library.
# A failure means that a file is in the wrong folder, or that the code it needs belongs one layer down. Fix the place,
# not this table.
# Two checks, since static archives link anyway: #include lines, and with a build directory (CASEMILL_BUILD, default
# build/release) the undefined symbols of each archive.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
. tests/unit/files.sh
scratch_top=$(mktemp)

# folder: folders it may use (its own always)
layers='base:
yaml: base
wire: base
cel: base
casedoc: base yaml wire
rules: base yaml casedoc cel
prove: base yaml casedoc cel rules
settings: base yaml
net: base
http: base settings
db: base
client: base wire net
cli: base yaml wire cel casedoc rules prove settings net http db client
broker: base yaml wire settings net http
worker: base yaml wire cel casedoc rules settings net http db'

# header pattern, the folder that is its door, the shared library, how many files may include it
doors='zmq.h net zmq 0
microhttpd.h http microhttpd 0
libpq-fe.h db pq 0
lmdb.h broker lmdb 0
yaml.h yaml yaml-0 0
re2/re2.h cel re2 1
xxhash.h base xxhash 1
sodium.h base sodium 0
jansson.h cli jansson 0
zlib.h cli z 1
z3.h prove z3 1
msgpack.h wire msgpackc 0'

passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "check_layers: $1"; }

folder_path() { case $1 in broker | worker) echo "$1" ;; *) echo "common/$1" ;; esac; }
allowed() { echo "$layers" | sed -n "s/^$1://p"; }

check_includes() { # check_includes FOLDER
    path=$(folder_path "$1")
    may=" $1 $(allowed "$1") "
    found=$(grep -rnE '^#include "' "$path" --include='*.[ch]' --include='*.cc' 2>/dev/null |
        sed 's/^\([^:]*:[0-9]*\):#include "\(.*\)"$/\1 \2/' |
        while read -r place header; do
            case $header in
            */*) target=${header%%/*} ;;
            *) target=$1 ;;
            esac
            case $may in
            *" $target "*) ;;
            *) echo "$place includes $header, but $1 may use only:$(allowed "$1")" ;;
            esac
        done)
    if [ -n "$found" ]; then fail "$found"; else pass; fi
}

check_door() { # check_door HEADER FOLDER LIBRARY FILES_MAX
    pattern=$(echo "$1" | sed 's/[.]/[.]/g')
    # the whole family: re2/anything, msgpack/anything
    family=$(echo "${1%.h}" | sed 's|/.*||')
    places=$(grep -rlE "^#include [<\"]($pattern|$family/[a-z0-9_/]+[.]h(pp)?)[>\"]" common broker worker \
        --include='*.[ch]' --include='*.cc' | grep -v "^common/$family/" |
        xargs -r grep -lE "^#include <($pattern|$family/)" )
    outside=$(echo "$places" | grep -v "^$(folder_path "$2")/" | grep .)
    if [ -n "$outside" ]; then
        fail "<$1> has one door, $(folder_path "$2"), but is included in:
$outside"
    elif [ "$4" -gt 0 ] && [ "$(echo "$places" | grep -c .)" -gt "$4" ]; then
        fail "<$1> may be included in $4 file(s) of $(folder_path "$2"), but is in:
$places"
    else
        pass
    fi
}

archive() { echo "$build/$(folder_path "$1")/lib$1.a"; }

check_symbols() {
    folders=$(echo "$layers" | sed 's/:.*//')
    symbols=$(mktemp -d)
    for folder in $folders; do
        [ -e "$(archive "$folder")" ] || { fail "$(archive "$folder") was not built"; continue; }
        nm --defined-only "$(archive "$folder")" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TDBRVW]/ {print $3}' |
            LC_ALL=C sort -u >"$symbols/$folder.has"
        nm -u "$(archive "$folder")" 2>/dev/null | awk '$1 == "U" {print $2}' |
            LC_ALL=C sort -u >"$symbols/$folder.wants"
    done
    for folder in $folders; do
        [ -e "$symbols/$folder.wants" ] || continue
        wrong=''
        for other in $folders; do
            case " $folder $(allowed "$folder") " in *" $other "*) continue ;; esac
            [ -e "$symbols/$other.has" ] || continue
            names=$(LC_ALL=C comm -12 "$symbols/$folder.wants" "$symbols/$other.has" | head -n 3 | tr '\n' ' ')
            [ -z "$names" ] || wrong="$wrong $other ($names)"
        done
        if [ -n "$wrong" ]; then fail "lib$folder.a needs symbols of:$wrong"; else pass; fi
    done
    echo "$doors" | while read -r _header door library _max; do
        object=$(ldconfig -p | awk -v name="lib$library.so" 'index($1, name) == 1 {print $NF; exit}')
        [ -n "$object" ] || { echo "lib$library is not installed"; continue; }
        nm -D --defined-only "$object" | awk 'NF == 3 && $2 == "T" {sub(/@.*/, "", $3); print $3}' |
            grep -v '^_' | LC_ALL=C sort -u >"$symbols/foreign"
        for folder in $folders; do
            if [ "$folder" = "$door" ] || [ ! -e "$symbols/$folder.wants" ]; then continue; fi
            # a name that one of our own folders defines is ours (yaml_ is a prefix of both)
            names=$(LC_ALL=C comm -12 "$symbols/$folder.wants" "$symbols/foreign" |
                LC_ALL=C comm -23 - "$symbols/$door.has" 2>/dev/null | head -n 3 | tr '\n' ' ')
            [ -z "$names" ] || echo "lib$folder.a calls lib$library directly: $names"
        done
    done >"$symbols/faults"
    if [ -s "$symbols/faults" ]; then fail "$(cat "$symbols/faults")"; else pass; fi
    rm -rf "$symbols"
}

for layer in $(echo "$layers" | sed 's/:.*//'); do check_includes "$layer"; done
while read -r header door library max; do
    check_door "$header" "$door" "$library" "$max"
done <<LIST
$doors
LIST
if [ -d "$build" ]; then check_symbols; else fail "no build in $build to look at symbols"; fi

# The top level is fixed: what is new has a folder to go to.
tree_files '*' | sed 's|/.*||' | sort -u | while read -r entry; do
    case $entry in
    .* | CMakeLists.txt | CMakePresets.json | README.md | broker | common | config | docker | sql | tests | worker) ;;
    *) echo "$entry" ;;
    esac
done >"$scratch_top"
if [ -s "$scratch_top" ]; then
    fail "the top level has $(tr '\n' ' ' <"$scratch_top"): it belongs into one of its folders"
else
    pass
fi
rm -f "$scratch_top"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
