#!/usr/bin/env bash
# Compiles and runs every program in the documentation, and compares what it prints.
# Usage: tests/docs/snippets.sh BUILD [FLAG...]   (a Meson build folder; flags for the compiler)
#
#   ```c, ```c NAME.c      a whole program, compiled as NAME.c; likewise ```cpp. It runs where
#                          examples/ is at hand, and must exit with 0.
#   ```text                behind a program: what it prints
#   ```c fragment          part of a program: not compiled
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?usage: tests/docs/snippets.sh BUILD [FLAG...]}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$root/examples" examples

CC=${CC:-cc}
CXX=${CXX:-c++}
read -ra compiler <<<"$CC"
read -ra compiler_cpp <<<"$CXX"
flags=(-O1 -Wall -Wextra -Wpedantic -Werror -pthread "-I$root/include" "${@:2}")
libraries=("-L$build" -lwengert "-Wl,-rpath,$build" -lm)

# Writes each program to a file of its own, what it prints to FILE.expected, and to the standard
# output a line for each: file, document, line.
# shellcheck disable=SC2016
extract='
function fail(text) { printf "%s:%d: %s\n", FILENAME, FNR, text >"/dev/stderr"; failed = 1; exit 1 }
FNR == 1 { last = ""; state = "" }
state == "" && /^```/ {
    words = split(substr($0, 4), word, " ")
    language = word[1]
    text = ""
    start = FNR
    state = "other"
    if ((language == "c" || language == "cpp") && word[2] != "fragment") {
        file = words > 1 ? word[2] : sprintf("%s-%d.%s", label(FILENAME), FNR, language)
        if (file in seen) fail(file " is the name of two programs")
        seen[file] = 1
        state = "program"
    } else if (language == "text") {
        state = "output"
    }
    next
}
state != "" && /^```$/ {
    if (state == "program") {
        if (text !~ /int main\(/) fail("the block above has no main: mark it ```c fragment")
        printf "%s", text >file
        close(file)
        print file, label(FILENAME), start
        last = file
    } else if (state == "output") {
        if (last == "") fail("the output above follows no program")
        printf "%s", text >(last ".expected")
        close(last ".expected")
        last = ""
    }
    state = ""
    next
}
state != "" { text = text $0 "\n" }
function label(path) { sub(/.*\//, "", path); sub(/\.md$/, "", path); return path }
END { if (!failed && state != "") fail("a block does not end") }
'

documents=("$root/README.md" "$root"/docs/*.md)
awk "$extract" "${documents[@]}" >programs
[ -s programs ] || { echo "snippets: no program was found" >&2; exit 1; }

wrong=0
count=0
report() { # WHERE WHAT FILE: shows a file of messages
    echo "snippets: $1: $2" >&2
    sed 's/^/    /' "$3" >&2
    wrong=$((wrong + 1))
}
while read -r file document line; do
    where="$document.md:$line ($file)"
    program=./program-$count
    case $file in
        *.c) compile=("${compiler[@]}" -std=c11) ;;
        *)
            if ! command -v "${compiler_cpp[0]}" >/dev/null; then
                echo "snippets: $where is left out: there is no C++ compiler"
                continue
            fi
            compile=("${compiler_cpp[@]}" -std=c++11)
            ;;
    esac
    count=$((count + 1))
    if ! "${compile[@]}" "${flags[@]}" "$file" "${libraries[@]}" -o "$program" >messages 2>&1; then
        report "$where" "does not compile" messages
        continue
    fi
    code=0
    "$program" >"$file.out" 2>&1 </dev/null || code=$?
    if [ $code != 0 ]; then
        report "$where" "exits with $code" "$file.out"
    elif [ -f "$file.expected" ] && ! diff -u "$file.expected" "$file.out" >messages; then
        report "$where" "prints something else" messages
    fi
done <programs

[ $wrong = 0 ] || { echo "snippets: $wrong of $count programs are wrong" >&2; exit 1; }
echo "snippets: $count programs compile, run and print what they should"
