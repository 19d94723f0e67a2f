#!/bin/bash
# Plants known mistakes into a pure core and requires that its simulator finds every one.
#
#     tests/sim/plants.sh                   all of tests/sim/plants and tests/sim/partition_plants
#     tests/sim/plants.sh raft 03 fsync     of Raft's, those whose names hold one of these words
#     tests/sim/plants.sh partition         those of broker/partition
#
# Each patch is applied to a copy of the core in build/plants/CORE/NN-name; a patch that no longer
# applies, or a mistake that $SEEDS seeds (default: as many as it takes) do not show, is a failure.
# Two are tried at a time.
set -u
cd "$(dirname "$0")/../.." || exit 1
WANTED_SEEDS=${SEEDS-}
CC=${CC:-gcc}
FLAGS="-std=gnu11 -D_GNU_SOURCE -O1 -g -DCRAFT_VERIFY -w"

# choose CORE: its folder, simulator and patches.
choose() {
    OUT=build/plants/$1
    case $1 in
    raft)
        FOLDER=raft SIMULATOR="tests/sim/raft/*.c" PATCHES=tests/sim/plants LIBS= ENOUGH=3000
        ;;
    partition)
        FOLDER=broker/partition SIMULATOR=tests/unit/broker/test_partition_sim.c
        PATCHES=tests/sim/partition_plants LIBS="-lcheck -lsubunit -lrt -lm -pthread"
        ENOUGH=15000
        ;;
    esac
    SEEDS=${WANTED_SEEDS:-$ENOUGH}
}

# compile SOURCE_ROOT OBJECT_DIR FILE...: objects of FILEs, headers of SOURCE_ROOT first.
compile() {
    local root=$1 objects=$2
    shift 2
    mkdir -p "$objects"
    for file in "$@"; do
        $CC $FLAGS -I"$root" -I. -c "$file" -o "$objects/$(basename "${file%.c}").o" || return 1
    done
}

# link NAME: build/plants/CORE/NAME/*.o with the common objects.
link() {
    $CC "$OUT/$1"/objects/*.o "$OUT"/common/base/*.o "$OUT"/common/sim/*.o $LIBS -o "$OUT/$1/sim"
}

try() {
    local patch=$1 name dir why
    name=$(basename "$patch" .patch)
    dir=$OUT/$name
    rm -rf "$dir"
    mkdir -p "$dir/$FOLDER"
    cp $FOLDER/*.c $FOLDER/*.h "$dir/$FOLDER/"
    if ! patch -d "$dir" -p1 --fuzz=0 -s <"$patch" >"$dir/patch.log" 2>&1; then
        echo "FAIL $name: the patch does not apply; make it anew"
        return 1
    fi
    if ! compile "$dir" "$dir/objects" "$dir"/$FOLDER/*.c 2>"$dir/compile.log" ||
        ! link "$name"; then
        echo "FAIL $name: does not compile, see $dir/compile.log"
        return 1
    fi
    if timeout 300 "$dir/sim" --seeds "$SEEDS" >"$dir/output.log" 2>&1; then
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

passed=0 failed=0 running=0
reap() {
    if wait -n; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    running=$((running - 1))
}

# try_all CORE WORD...: first that there is nothing to find without a mistake.
try_all() {
    choose "$1"
    shift
    mkdir -p "$OUT"
    compile . "$OUT/common/base" base/*.c || exit 1
    compile . "$OUT/common/sim" $SIMULATOR || exit 1
    rm -rf "$OUT/none"
    compile . "$OUT/none/objects" $FOLDER/*.c || exit 1
    link none || exit 1
    if ! "$OUT/none/sim" --seeds "$SEEDS" >"$OUT/none/output.log" 2>&1; then
        echo "FAIL without a mistake: $(grep '^seed ' "$OUT/none/output.log")"
        exit 1
    fi
    echo "ok   no mistake in $FOLDER: $SEEDS seeds pass"
    passed=$((passed + 1))
    for patch in "$PATCHES"/*.patch; do
        wanted=$([ $# -eq 0 ] && echo yes)
        for word in "$@"; do
            [[ $(basename "$patch") == *"$word"* ]] && wanted=yes
        done
        [ -n "$wanted" ] || continue
        [ $running -ge 2 ] && reap
        try "$patch" &
        running=$((running + 1))
    done
    while [ $running -gt 0 ]; do reap; done
}

cores="raft partition"
case ${1-} in
raft | partition)
    cores=$1
    shift
    ;;
esac
for core in $cores; do
    try_all "$core" "$@"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
