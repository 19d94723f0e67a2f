#!/usr/bin/env bash
# A cluster of real daemons on this machine, for trying things out and for tests.
#
#   cluster.sh start [NODE] [OPTIONS]    format, start, wait until it serves; spares what runs
#   cluster.sh stop [NODE]               SIGTERM, brokers first; SIGKILL after 20 s; data is kept
#   cluster.sh restart [NODE]            stop and start
#   cluster.sh status                    a line a node; exit 1 when one is down, fenced or paused
#   cluster.sh kill|term|pause|resume [NODE]    SIGKILL, SIGTERM, SIGSTOP, SIGCONT, and no more
#   cluster.sh logs [NODE]               the ends of the logs
#   cluster.sh wipe                      remove the directory of a stopped cluster
#
# NODE is controller-1 … or broker-1 …; without it all of them are meant.
#   --dir DIR            where everything is (build/cluster): NODE.properties, NODE.log, NODE.pid,
#                        the data in NODE/. The other options are remembered there.
#   --controllers N      (3) controller N has node.id 3000+N and port P+1000+N
#   --brokers N          (3) broker N has node.id N and port P+N
#   --port-base P        (9091)
#   --log-dirs N         (1) log directories of each broker: DIR/NODE, DIR/NODE.2, …
#   --bin DIR            the programs (build/bin)
#   --override K=V       a line added to every node's properties; may be given again
# CRAFT_START_DEADLINE_S is how long start waits for the cluster to serve (30).
set -euo pipefail
shopt -s nullglob
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
START_DEADLINE_S=${CRAFT_START_DEADLINE_S:-30}
STOP_DEADLINE_S=20
HOST=127.0.0.1

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

# ---- options, and what an earlier start remembered ----
number() {
    [[ $2 =~ ^[0-9]{1,5}$ ]] || die "$1 takes a number, not '$2'"
}

parse() {
    command=${1:-} node="" dir=$ROOT/build/cluster
    given=() overrides=()
    [ $# -gt 0 ] && shift
    while [ $# -gt 0 ]; do
        case $1 in
        --dir | --controllers | --brokers | --port-base | --log-dirs | --bin | --override)
            [ $# -ge 2 ] || die "$1 takes a value"
            case $1 in
            --dir) dir=$(realpath -m "$2") ;;
            --bin) given+=("bin=$(realpath -m "$2")") ;;
            --override)
                [[ $2 == ?*=* ]] || die "--override takes NAME=VALUE, not '$2'"
                overrides+=("$2")
                ;;
            *)
                number "$1" "$2"
                given+=("${1#--}=$2")
                ;;
            esac
            shift 2
            ;;
        -*) die "unknown option $1" ;;
        *)
            [ -z "$node" ] || die "one NODE at a time: $node, $1"
            node=$1
            shift
            ;;
        esac
    done
}

# The value of a key: given now, remembered, or the default.
setting() {
    local key=$1 default=$2 line
    for line in "${given[@]}"; do
        [[ $line == "$key="* ]] && { echo "${line#*=}"; return; }
    done
    remembered "$key" || echo "$default"
}

remembered() {
    [ -f "$dir/cluster.conf" ] || return 1
    local line
    line=$(grep -m1 "^$1=" "$dir/cluster.conf") && echo "${line#*=}"
}

load() {
    controllers=$(setting controllers 3)
    brokers=$(setting brokers 3)
    port_base=$(setting port-base 9091)
    log_dirs=$(setting log-dirs 1)
    bin=$(setting bin "$ROOT/build/bin")
    [ "$controllers" -ge 1 ] || die "at least one controller is needed"
    [ $((port_base + 1000 + controllers)) -le 65535 ] || die "--port-base $port_base is too high"
    if [ ${#overrides[@]} -eq 0 ] && [ -f "$dir/cluster.conf" ]; then
        mapfile -t overrides < <(sed -n 's/^override=//p' "$dir/cluster.conf")
    fi
    local i
    nodes=()
    for ((i = 1; i <= controllers; i++)); do nodes+=("controller-$i"); done
    for ((i = 1; i <= brokers; i++)); do nodes+=("broker-$i"); done
    if [ -n "$node" ]; then
        [[ " ${nodes[*]} " == *" $node "* ]] || die "no node $node; one of: ${nodes[*]}"
        chosen=("$node")
    else
        chosen=("${nodes[@]}")
    fi
}

# The quorum is written into the data, so that it cannot change under it. A directory that we did
# not make is not ours to write into.
check_shape() {
    local key was
    [ -f "$dir/cluster.conf" ] || [ -z "$(ls -A "$dir" 2> /dev/null)" ] ||
        die "$dir holds something, but not a cluster of this script: use another --dir"
    for key in controllers port-base; do
        was=$(remembered "$key") || continue
        [ "$was" = "$(setting "$key" "$was")" ] ||
            die "$dir holds a cluster with --$key $was: wipe it, or use another --dir"
    done
}

# 22 characters of URL-safe base64 are 16 bytes: an id does not begin with '-', and the spare bits
# of its last character are zero.
new_id() {
    echo "M$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-21)Q"
}

# The first voters, with the ids that their directories will have.
first_voters() {
    local i list=""
    for ((i = 1; i <= controllers; i++)); do
        list+=",$((3000 + i))@$HOST:$(port_of "controller-$i"):$(new_id)"
    done
    echo "${list:1}"
}

remember() {
    local id voters formatted line
    id=$(remembered cluster-id) || id=$(new_id)
    voters=$(remembered initial-controllers) || voters=$(first_voters)
    formatted=$(remembered formatted) || formatted=""
    {
        echo "controllers=$controllers"
        echo "brokers=$brokers"
        echo "port-base=$port_base"
        echo "log-dirs=$log_dirs"
        echo "bin=$bin"
        echo "cluster-id=$id"
        echo "initial-controllers=$voters"
        echo "formatted=$formatted"
        for line in "${overrides[@]}"; do echo "override=$line"; done
    } > "$dir/cluster.conf.new"
    mv "$dir/cluster.conf.new" "$dir/cluster.conf"
    cluster_id=$id
    initial_controllers=$voters
}

# A controller is one of the first voters once. Who comes with an empty disk later has forgotten its
# votes and is another voter (craft quorum replace).
mark_formatted() {
    local list
    list=$(remembered formatted)
    [[ " $list " == *" $1 "* ]] ||
        sed -i "s/^formatted=.*/formatted=${list:+$list }$1/" "$dir/cluster.conf"
}

# ---- nodes ----
port_of() {
    local number=${1##*-}
    [[ $1 == controller-* ]] && number=$((number + 1000))
    echo $((port_base + number))
}

# The first one has the name of the node.
dirs_of() {
    local dirs=$dir/$1 i
    [[ $1 == broker-* ]] && for ((i = 2; i <= log_dirs; i++)); do dirs+=",$dir/$1.$i"; done
    echo "$dirs"
}

# Writes one properties file. Names and values are Apache Kafka's.
write_properties() {
    local name=$1 number=${1##*-} i servers="" replicas=$((brokers < 3 ? brokers : 3))
    for ((i = 1; i <= controllers; i++)); do servers+=",$HOST:$(port_of "controller-$i")"; done
    {
        if [[ $name == controller-* ]]; then
            echo "process.roles=controller"
            echo "node.id=$((3000 + number))"
            echo "listeners=CONTROLLER://$HOST:$(port_of "$name")"
        else
            echo "process.roles=broker"
            echo "node.id=$number"
            echo "listeners=PLAINTEXT://$HOST:$(port_of "$name")"
            echo "advertised.listeners=PLAINTEXT://$HOST:$(port_of "$name")"
        fi
        echo "controller.quorum.bootstrap.servers=${servers:1}"
        echo "controller.listener.names=CONTROLLER"
        echo "log.dirs=$(dirs_of "$name")"
        echo "offsets.topic.replication.factor=$replicas"
        echo "group.initial.rebalance.delay.ms=0"
        for i in "${overrides[@]}"; do echo "$i"; done
    } > "$dir/$name.properties"
}

# The pid of a node, if it runs: a pid file may be old, and its number another process's by now.
pid_of() {
    local pid
    pid=$(cat "$dir/$1.pid" 2> /dev/null) && [[ $pid =~ ^[0-9]+$ ]] || return 1
    grep -qszxF -- "$dir/$1.properties" "/proc/$pid/cmdline" || return 1
    echo "$pid"
}

is_paused() {
    grep -q '^State:[[:space:]]*T' "/proc/$1/status" 2> /dev/null
}

# Does anybody listen on this TCP port (state 0A of /proc/net/tcp)?
is_listening() {
    grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F]+:0000 0A" \
        /proc/net/tcp /proc/net/tcp6
}

# ---- what the cluster says about itself ----
broker_addresses() {
    local i list=""
    for ((i = 1; i <= brokers; i++)); do list+=",$HOST:$(port_of "broker-$i")"; done
    echo "${list:1}"
}

craft() {
    timeout 5 "$bin/craft" "$@" 2> /dev/null
}

# Lines "ID unfenced" or "ID fenced", from the first running broker that answers.
broker_states() {
    local name pid answer
    for name in "${nodes[@]}"; do
        [[ $name == broker-* ]] && pid=$(pid_of "$name") && ! is_paused "$pid" || continue
        # Exit status 1 tells that a broker is not well; the list is there all the same.
        answer=$(craft broker list --bootstrap-server "$HOST:$(port_of "$name")" --timeout 2 \
            --format json) || [[ -n $answer ]] || continue
        /usr/bin/python3 -c '
import json, sys
for broker in json.loads(sys.argv[1]):
    print(broker["id"], "fenced" if broker["fenced"] else "unfenced")' "$answer" && return
    done
    return 1
}

# Lines "ID leader", "ID follower" or (no voter) "ID observer" of the controllers, from the first
# one that knows a leader.
controller_states() {
    local name pid answer
    for name in "${nodes[@]}"; do
        [[ $name == controller-* ]] && pid=$(pid_of "$name") && ! is_paused "$pid" || continue
        answer=$(craft quorum status --bootstrap-controller "$HOST:$(port_of "$name")" \
            --format json) || [ -n "$answer" ] || continue
        /usr/bin/python3 -c '
import json, sys
quorum = json.loads(sys.argv[1])
if quorum["leaderId"] < 0:
    sys.exit(1)
for voter in quorum["voters"]:
    print(voter["id"], "leader" if voter["id"] == quorum["leaderId"] else "follower")
for observer in quorum["observers"]:
    if observer["id"] > 3000:
        print(observer["id"], "observer")
' "$answer" && return
    done
    return 1
}

# ---- commands ----
culprit() {
    echo "cluster.sh: $1 $2; the end of $dir/$1.log:" >&2
    tail -n 20 "$dir/$1.log" | sed 's/^/    /' >&2
    exit 1
}

launch() {
    local name=$1 program=craft-${1%-*} quorum=()
    write_properties "$name"
    if [ ! -e "$dir/$name/meta.properties" ]; then
        if [ "$program" = craft-controller ]; then
            quorum=(--initial-controllers "$initial_controllers")
            [[ " $(remembered formatted) " == *" $name "* ]] && quorum=(--no-initial-controllers)
        fi
        "$bin/craft" format --config "$dir/$name.properties" --cluster-id "$cluster_id" \
            "${quorum[@]}" >> "$dir/$name.log" 2>&1 || culprit "$name" "could not be formatted"
    fi
    mark_formatted "$name"
    setsid "$bin/$program" --config "$dir/$name.properties" \
        < /dev/null >> "$dir/$name.log" 2>&1 &
    echo $! > "$dir/$name.pid"
    # Until it has become the program, it is a shell and not known as ours.
    until pid_of "$name" > /dev/null || ! kill -0 $! 2> /dev/null; do sleep 0.01; done
}

# Waits until the nodes just started listen, and, for a whole cluster, until no broker is fenced.
wait_until_serving() {
    local started=("$@") deadline=$((SECONDS + START_DEADLINE_S)) name ready behind
    while :; do
        ready=yes behind=""
        for name in "${started[@]}"; do
            pid_of "$name" > /dev/null || culprit "$name" "ended"
            is_listening "$(port_of "$name")" || ready=no behind=${behind:-$name}
        done
        if [ $ready = yes ] && [ -z "$node" ]; then
            local states
            states=$(broker_states || true)
            for name in "${nodes[@]}"; do
                [[ $name != broker-* ]] || grep -qx "${name#*-} unfenced" <<< "$states" ||
                    ready=no behind=${behind:-$name}
            done
        fi
        [ $ready = yes ] && return
        [ $SECONDS -lt $deadline ] || culprit "$behind" "does not serve after $START_DEADLINE_S s"
        sleep 0.1
    done
}

start() {
    local name missing=() taken=()
    check_shape
    for name in "${chosen[@]}"; do
        pid_of "$name" > /dev/null || missing+=("$name")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "already running: ${chosen[*]}"
        return
    fi
    for name in craft craft-controller craft-broker; do
        [ -x "$bin/$name" ] || die "no $bin/$name: run make first, or say --bin"
    done
    for name in "${missing[@]}"; do
        is_listening "$(port_of "$name")" && taken+=("$(port_of "$name") of $name")
    done
    if [ ${#taken[@]} -gt 0 ]; then
        die "in use by another process: $(printf 'port %s, ' "${taken[@]}" | sed 's/, $//')"
    fi
    mkdir -p "$dir"
    remember
    for name in "${missing[@]}"; do launch "$name"; done
    wait_until_serving "${missing[@]}"
    [ -n "$node" ] && return
    echo "bootstrap: $(broker_addresses)"
    status || true
    local one=$HOST:$(port_of broker-1) replicas=$((brokers < 3 ? brokers : 3))
    echo "try:"
    echo "    $bin/craft topic create greetings --partitions 3 --replication-factor $replicas" \
        "--bootstrap-server $one"
    echo "    echo hello | kcat -b $one -P -t greetings"
    echo "    kcat -b $one -C -t greetings -o beginning -e"
}

signal() {
    local name pid pids=()
    for name in "${chosen[@]}"; do
        pid=$(pid_of "$name") && pids+=("$pid")
    done
    [ ${#pids[@]} -gt 0 ] || die "not running: ${chosen[*]}"
    kill "-$1" "${pids[@]}"
    [ "$1" = KILL ] || return 0
    until_gone 5 "${pids[@]}"
}

# Is the process there, with its ports? One that is ending has lost its command line before them.
has_files() {
    grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

# Waits until the processes have ended; prints nothing, fails after so many seconds.
until_gone() {
    local deadline=$((SECONDS + $1)) pid alive
    shift
    while :; do
        alive=no
        for pid in "$@"; do
            has_files "$pid" && alive=yes
        done
        [ $alive = no ] && return
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

stop_some() {
    local name pid pids=()
    for name in "$@"; do
        pid=$(pid_of "$name") || continue
        pids+=("$pid")
        kill -TERM "$pid"
        kill -CONT "$pid" 2> /dev/null || true # a paused process takes no other signal
    done
    until_gone $STOP_DEADLINE_S "${pids[@]}" && return
    for name in "$@"; do
        pid=$(pid_of "$name") || continue
        echo "$name did not stop in $STOP_DEADLINE_S s: killed" >&2
        kill -KILL "$pid"
    done
    until_gone 5 "${pids[@]}"
}

stop() {
    local name first=() second=()
    for name in "${chosen[@]}"; do
        if [[ $name == broker-* ]]; then first+=("$name"); else second+=("$name"); fi
    done
    [ ${#first[@]} -eq 0 ] || stop_some "${first[@]}"
    [ ${#second[@]} -eq 0 ] || stop_some "${second[@]}"
    for name in "${chosen[@]}"; do rm -f "$dir/$name.pid"; done
}

status() {
    local name pid id state states healthy=yes hz
    hz=$(getconf CLK_TCK)
    states=$(broker_states || true)$'\n'$(controller_states || true)
    printf '%-13s %7s %6s  %-9s %8s %8s\n' NODE PID PORT STATE CPU_S RSS_MIB
    for name in "${nodes[@]}"; do
        id=${name##*-}
        [[ $name == controller-* ]] && id=$((3000 + id))
        if pid=$(pid_of "$name"); then
            state=$(sed -n "s/^$id //p" <<< "$states")
            [ -n "$state" ] || state=alone # it runs, but the cluster does not say a word about it
            is_paused "$pid" && state=paused
            # Fields 14 and 15 of stat, counted behind the name, which may hold spaces.
            sed 's/.*) //' "/proc/$pid/stat" | awk -v hz="$hz" -v name="$name" -v pid="$pid" \
                -v port="$(port_of "$name")" -v state="$state" '{
                    printf "%-13s %7d %6d  %-9s %8.2f %8.1f\n", name, pid, port, state,
                           ($12 + $13) / hz, $22 * 4096 / 1048576 }'
        else
            state=down
            printf '%-13s %7s %6d  %-9s\n' "$name" - "$(port_of "$name")" down
        fi
        [[ $state =~ ^(leader|follower|unfenced)$ ]] || healthy=no
    done
    [ $healthy = yes ]
}

logs() {
    local name files=()
    for name in "${chosen[@]}"; do
        [ -f "$dir/$name.log" ] && files+=("$dir/$name.log")
    done
    [ ${#files[@]} -gt 0 ] || die "no logs in $dir"
    tail -n 40 "${files[@]}"
}

wipe() {
    [ -e "$dir" ] || return 0
    [ -f "$dir/cluster.conf" ] || die "$dir is not a cluster's directory"
    local name
    for name in "${nodes[@]}"; do
        pid_of "$name" > /dev/null && die "$name is running: stop the cluster first"
    done
    rm -rf "$dir"
}

parse "$@"
case $command in
start | stop | restart | status | kill | term | pause | resume | logs | wipe) load ;;
*) usage ;;
esac
case $command in
start) start ;;
stop) stop ;;
restart)
    stop
    start
    ;;
status) status ;;
kill) signal KILL ;;
term) signal TERM ;;
pause) signal STOP ;;
resume) signal CONT ;;
logs) logs ;;
wipe) wipe ;;
esac
