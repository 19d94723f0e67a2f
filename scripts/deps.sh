#!/usr/bin/env bash
# The Debian 12 packages that craft needs, and their installation.
#
#   scripts/deps.sh build    what `make` needs
#   scripts/deps.sh test     what `make test` needs, build included
#   scripts/deps.sh check    what `make check` needs, build included
#
# Silent when nothing is missing. Otherwise: as root it says what is missing and installs it, as
# anybody else it prints the line to run and exits 1. Nothing but these packages is touched.
set -euo pipefail

# The programs: compilers, the generators of metadata records and messages, the libraries.
build=(gcc libc6-dev binutils python3 protobuf-c-compiler libprotobuf-c-dev libevent-dev
       libjansson-dev libpcre2-dev libssl-dev zlib1g-dev liblz4-dev libzstd-dev libsnappy-dev)
# clang with its runtime: the fuzzer. The clients that end-to-end tests speak through, and the
# codecs of kafka-python.
test=(check libsubunit-dev clang libclang-rt-14-dev kcat librdkafka1 librdkafka-dev
      python3-confluent-kafka python3-kafka python3-lz4 python3-snappy python3-zstandard
      patch procps)
# The second compiler and the formatter. Unit tests are compiled too, hence check.
check=(git clang clang-format check libsubunit-dev)

die() {
    echo "deps.sh: $*" >&2
    exit 1
}

case ${1:-} in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
check) wanted=("${build[@]}" "${check[@]}") ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
command -v dpkg-query > /dev/null ||
    die "this is not Debian; install what these Debian 12 packages hold: ${wanted[*]}"

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2> /dev/null |
    sed -n 's/ installed$//p' || true)
missing=()
for package in "${wanted[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'$package$'\n'* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
    echo "deps.sh: packages are missing. Run as root:" >&2
    echo "    $line" >&2
    exit 1
fi

echo "deps.sh: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
lists() {
    compgen -G '/var/lib/apt/lists/*_Packages*' > /dev/null
}
update() {
    apt-get update -qq || die "apt-get update failed"
}
lists || update
# Old lists name packages that the mirror no longer has: get new ones and try once more.
$line -qq > /dev/null || { update && $line -qq > /dev/null; } || die "failed: $line"
