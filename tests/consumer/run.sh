#!/usr/bin/env bash
# Installs a built Wengert into a temporary folder and uses it from there as others would.
# Usage: tests/consumer/run.sh BUILD   (a Meson build folder with -Dpkgconfig.relocatable=true)
set -Eeuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:?usage: tests/consumer/run.sh BUILD}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "consumer: line $LINENO failed: $BASH_COMMAND" >&2' ERR
cd "$work"

say() { printf '  %s\n' "$*"; }
fail() { echo "consumer: $*" >&2; exit 1; }

CC=${CC:-cc}
CXX=${CXX:-c++}
strict=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
compilers_cpp=("$CXX")
if command -v clang++ >/dev/null; then compilers_cpp+=(clang++); fi

say "meson install"
DESTDIR=$work/installed meson install -C "$build" >install.log 2>&1 || { cat install.log; exit 1; }
pc=$(find "$work/installed" -name wengert.pc)
[ -n "$pc" ] || fail "no wengert.pc was installed"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
libraries=$(dirname "$PKG_CONFIG_PATH")
headers=$(dirname "$(find "$work/installed" -name wengert.h)")
[ -e "$libraries/libwengert.a" ] || fail "no static library"
[ -e "$libraries/libwengert.so.0" ] || fail "no versioned shared library"
read -ra flags <<<"$(pkg-config --cflags wengert)"
read -ra shared <<<"$(pkg-config --libs wengert)"
# -l:libwengert.a where the shared library lies beside the static one.
read -ra static <<<"$(pkg-config --static --libs wengert | sed 's/-lwengert\b/-l:libwengert.a/')"

say "C, shared"
"$CC" -std=c11 "${strict[@]}" "$here/consumer.c" "${flags[@]}" "${shared[@]}" -lm -o shared
readelf -d shared | grep 'NEEDED.*libwengert\.so\.0' >/dev/null || fail "not linked to libwengert.so.0"
LD_LIBRARY_PATH=$libraries ./shared

say "C, static"
"$CC" -std=c11 "${strict[@]}" "$here/consumer.c" "${flags[@]}" "${static[@]}" -o static
if readelf -d static | grep 'NEEDED.*libwengert' >/dev/null; then fail "the static program needs libwengert.so"; fi
./static

for compiler in "${compilers_cpp[@]}"; do
    for standard in c++11 c++17 c++20; do
        say "$compiler -std=$standard, shared"
        "$compiler" -std=$standard "${strict[@]}" "$here/consumer.cpp" "${flags[@]}" "${shared[@]}" \
            -o shared++
        LD_LIBRARY_PATH=$libraries ./shared++
    done
done
say "C++, static"
"$CXX" -std=c++11 "${strict[@]}" "$here/consumer.cpp" "${flags[@]}" "${static[@]}" -o static++
./static++

say "each header by itself, in C11 and in C++11"
(cd "$root/include" && find . -name '*.h') | sort >expected
(cd "$headers" && find . -path './wengert.h' -o -path './wengert/*.h') | sort >found
diff expected found || fail "include/ and what was installed differ: see include/meson.build"
while read -r header; do
    printf '#include <%s>\n#include <%s>\nint wg_unused_;\n' "${header#./}" "${header#./}" >one.c
    cp one.c one.cpp
    "$CC" -std=c11 "${strict[@]}" -fsyntax-only one.c "${flags[@]}"
    for compiler in "${compilers_cpp[@]}"; do
        "$compiler" -std=c++11 "${strict[@]}" -fsyntax-only one.cpp "${flags[@]}"
    done
done <expected

say "no symbol but wg_* is exported"
nm -D --defined-only "$libraries/libwengert.so.0" | awk '{print $3}' | grep -v '^wg_' >strangers || true
[ ! -s strangers ] || { cat strangers; fail "these symbols are exported"; }

say "as a Meson subproject"
mkdir -p project/subprojects
cp "$here/subproject/meson.build" "$here/consumer.c" project/
ln -s "$root" project/subprojects/wengert
meson setup project/build project >project.log 2>&1 || { cat project.log; exit 1; }
if ninja -C project/build -t targets all | grep -E 'wengert-tests|/examples/|/benchmarks/' >others; then
    cat others
    fail "a subproject builds tests, examples or benchmarks"
fi
{ ninja -C project/build && meson test -C project/build; } >>project.log 2>&1 ||
    { cat project.log; exit 1; }

echo "consumer: all built and ran"
