#!/usr/bin/env bash
# Runs a command-line tool of Apache Kafka itself, unchanged, against any cluster.
#
#   scripts/kafka-tool.sh kafka-topics --bootstrap-server 127.0.0.1:9092 --list
#   KAFKA_RELEASE=3.9.1 scripts/kafka-tool.sh kafka-get-offsets …
#   scripts/kafka-tool.sh --fetch           only brings the jars
#   scripts/kafka-tool.sh --class CLASS …   any class of that release
#   scripts/kafka-tool.sh --where           the directory of the jars
#
# The jars come from Maven Central (by mvn, once for each release) and stay in
# $KAFKA_TOOL_CACHE (~/.cache/craft-kafka). Exit status 77: Java or Maven is not there, or the jars
# cannot be had. Debian: apt-get install default-jre-headless maven
set -euo pipefail
release=${KAFKA_RELEASE:-4.1.0}
cache=${KAFKA_TOOL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/craft-kafka}
home=$cache/$release

# Name, then the classes that it has been in one release or another.
tools="
kafka-acls                   org.apache.kafka.tools.AclCommand kafka.admin.AclCommand
kafka-broker-api-versions    org.apache.kafka.tools.BrokerApiVersionsCommand \
                             kafka.admin.BrokerApiVersionsCommand
kafka-client-metrics         org.apache.kafka.tools.ClientMetricsCommand
kafka-cluster                org.apache.kafka.tools.ClusterTool
kafka-configs                org.apache.kafka.tools.ConfigCommand kafka.admin.ConfigCommand
kafka-console-consumer       org.apache.kafka.tools.consumer.ConsoleConsumer
kafka-console-producer       org.apache.kafka.tools.ConsoleProducer kafka.tools.ConsoleProducer
kafka-consumer-groups        org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
kafka-consumer-perf-test     org.apache.kafka.tools.ConsumerPerformance
kafka-delegation-tokens      org.apache.kafka.tools.DelegationTokenCommand
kafka-delete-records         org.apache.kafka.tools.DeleteRecordsCommand
kafka-dump-log               org.apache.kafka.tools.DumpLogSegments kafka.tools.DumpLogSegments
kafka-features               org.apache.kafka.tools.FeatureCommand
kafka-get-offsets            org.apache.kafka.tools.GetOffsetShell
kafka-groups                 org.apache.kafka.tools.GroupsCommand
kafka-leader-election        org.apache.kafka.tools.LeaderElectionCommand
kafka-log-dirs               org.apache.kafka.tools.LogDirsCommand
kafka-metadata-quorum        org.apache.kafka.tools.MetadataQuorumCommand
kafka-metadata-shell         org.apache.kafka.shell.MetadataShell
kafka-producer-perf-test     org.apache.kafka.tools.ProducerPerformance
kafka-reassign-partitions    org.apache.kafka.tools.reassign.ReassignPartitionsCommand
kafka-replica-verification   org.apache.kafka.tools.ReplicaVerificationTool
kafka-storage                org.apache.kafka.tools.StorageTool kafka.tools.StorageTool
kafka-topics                 org.apache.kafka.tools.TopicCommand
kafka-transactions           org.apache.kafka.tools.TransactionsCommand
kafka-verifiable-consumer    org.apache.kafka.tools.VerifiableConsumer
kafka-verifiable-producer    org.apache.kafka.tools.VerifiableProducer
"

fail() {
    echo "kafka-tool.sh: $2" >&2
    exit "$1"
}

# The list of jars is complete when "ok" is there.
fetch() {
    [ -e "$home/ok" ] && return
    command -v java > /dev/null || fail 77 "there is no java; apt-get install default-jre-headless"
    command -v mvn > /dev/null || fail 77 "there is no mvn; apt-get install maven"
    mkdir -p "$home"
    dependency() {
        echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version>" \
            "</dependency>"
    }
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo "<groupId>craft</groupId><artifactId>kafka-tools</artifactId><version>1</version>"
        echo "<dependencies>"
        for artifact in kafka_2.13 kafka-tools kafka-shell; do
            dependency org.apache.kafka "$artifact" "$release"
        done
        case $release in
            3.*) dependency org.slf4j slf4j-reload4j 1.7.36 ;;
            *) dependency org.apache.logging.log4j log4j-slf4j-impl 2.24.3 ;;
        esac
        echo "</dependencies></project>"
    } > "$home/pom.xml"
    (cd "$home" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars) \
        > "$home/mvn.log" 2>&1 ||
        fail 77 "Maven Central did not give Apache Kafka $release; see $home/mvn.log"
    # Warnings go to the standard error, as in the tools' own settings.
    cat > "$home/log4j2.properties" <<- 'END'
	rootLogger.level = warn
	rootLogger.appenderRefs = err
	rootLogger.appenderRef.err.ref = err
	appenders = err
	appender.err.type = Console
	appender.err.name = err
	appender.err.target = SYSTEM_ERR
	appender.err.layout.type = PatternLayout
	appender.err.layout.pattern = [%d] %p %m (%c)%n
	END
    cat > "$home/log4j.properties" <<- 'END'
	log4j.rootLogger=WARN, err
	log4j.appender.err=org.apache.log4j.ConsoleAppender
	log4j.appender.err.Target=System.err
	log4j.appender.err.layout=org.apache.log4j.PatternLayout
	log4j.appender.err.layout.ConversionPattern=[%d] %p %m (%c)%n
	END
    touch "$home/ok"
}

# The first of the classes that is in the jars: names of files stand in them as they are.
class_of() {
    local class
    for class in $(awk -v name="${1%.sh}" '$1 == name { $1 = ""; print }' <<< "$tools"); do
        if grep -aqF "${class//.//}.class" "$home"/jars/kafka*"$release".jar; then
            echo "$class"
            return
        fi
    done
    fail 2 "Apache Kafka $release has no $1"
}

run() {
    command -v java > /dev/null || fail 77 "there is no java; apt-get install default-jre-headless"
    exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
        "-Dlog4j.configuration=file:$home/log4j.properties" \
        "-Dlog4j2.configurationFile=$home/log4j2.properties" -cp "$home/jars/*" "$@"
}

case ${1:-} in
    --fetch) fetch ;;
    --where) fetch && echo "$home/jars" ;;
    --class) shift && fetch && run "$@" ;;
    kafka-*)
        fetch
        class=$(class_of "$1")
        shift
        run "$class" "$@"
        ;;
    *)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; echo >&2
        exit 2
        ;;
esac
