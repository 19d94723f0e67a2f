#!/bin/bash
# Plants known mistakes into the Raft core and requires that the simulator finds every one.
#
#     tests/sim/plants.sh              all of tests/sim/plants/*.patch
#     tests/sim/plants.sh 03 fsync     those whose names hold one of these words
#
# Each patch is applied to a copy of raft/ in build/plants/NN-name; a patch that no longer applies,
# or a mistake that SEEDS seeds do not show, is a failure. Two are tried at a time.
set -u
cd "$(dirname "$0")/../.." || exit 1
SEEDS=${SEEDS:-6000}
OUT=build/plants
CC=${CC:-gcc}
FLAGS="-std=gnu11 -D_GNU_SOURCE -O1 -g -DCRAFT_VERIFY -w"

# compile SOURCE_ROOT OBJECT_DIR FILE...: objects of FILEs, headers of raft/ from SOURCE_ROOT first.
compile() {
    local root=$1 objects=$2
    shift 2
    mkdir -p "$objects"
    for file in "$@"; do
        $CC $FLAGS -I"$root" -I. -c "$file" -o "$objects/$(basename "${file%.c}").o" || return 1
    done
}

# simulator NAME: links build/plants/NAME/*.o with the common objects.
simulator() {
    $CC "$OUT/$1"/objects/*.o "$OUT"/common/base/*.o "$OUT"/common/sim/*.o -o "$OUT/$1/sim_raft"
}

try() {
    local patch=$1 name dir why
    name=$(basename "$patch" .patch)
    dir=$OUT/$name
    rm -rf "$dir"
    mkdir -p "$dir/raft"
    cp raft/*.c raft/*.h "$dir/raft/"
    if ! patch -d "$dir" -p1 --fuzz=0 -s <"$patch" >"$dir/patch.log" 2>&1; then
        echo "FAIL $name: the patch does not apply; make it anew"
        return 1
    fi
    if ! { compile "$dir" "$dir/objects" "$dir"/raft/*.c && simulator "$name"; } \
        2>"$dir/compile.log"; then
        echo "FAIL $name: does not compile, see $dir/compile.log"
        return 1
    fi
    if timeout 60 "$dir/sim_raft" --seeds "$SEEDS" >"$dir/output.log" 2>&1; then
        echo "FAIL $name: not found in $SEEDS seeds"
        return 1
    fi
    why=$(grep '^seed ' "$dir/output.log" | tail -1)
    if [ -z "$why" ]; then
        echo "FAIL $name: the simulator stopped without a verdict, see $dir/output.log"
        return 1
    fi
    echo "ok   $name: $why"
}

mkdir -p "$OUT"
exec 9>"$OUT/.lock"
flock 9 # one at a time in this tree
compile . "$OUT/common/base" base/*.c || exit 1
compile . "$OUT/common/sim" tests/sim/raft/*.c || exit 1
rm -rf "$OUT/none"
compile . "$OUT/none/objects" raft/*.c || exit 1
simulator none || exit 1
if ! "$OUT/none/sim_raft" --seeds "$SEEDS" >"$OUT/none/output.log" 2>&1; then
    echo "FAIL without a mistake: $(grep '^seed ' "$OUT/none/output.log")"
    exit 1
fi
echo "ok   no mistake: $SEEDS seeds pass"

patches=()
for patch in tests/sim/plants/*.patch; do
    wanted=$([ $# -eq 0 ] && echo yes)
    for word in "$@"; do
        [[ $(basename "$patch") == *"$word"* ]] && wanted=yes
    done
    [ -n "$wanted" ] && patches+=("$patch")
done

passed=1 failed=0 running=0
reap() {
    if wait -n; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    running=$((running - 1))
}
for patch in ${patches[@]+"${patches[@]}"}; do
    [ $running -ge 2 ] && reap
    try "$patch" &
    running=$((running + 1))
done
while [ $running -gt 0 ]; do reap; done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
