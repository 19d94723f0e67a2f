/* Messages against bytes that other implementations made: kafka-python 2.0.2 (versions without
 * tagged fields) and Apache Kafka 4.1.0 (with them). */
#include "wire/wire.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/wire/hex.h"

static struct arena arena;

static void setup(void)
{
    arena = (struct arena){0};
}

static void teardown(void)
{
    arena_fini(&arena);
}

/* The bytes say what `text` says, and are made again from it. */
static void golden(const struct wire_message *m, int16_t version, const char *hex, const char *text)
{
    void *message = wire_new(m, &arena);
    struct slice bytes = unhex(&arena, hex);
    ck_assert_int_eq(wire_decode(m, version, bytes, &arena, message), ERR_NONE);
    struct buf out = {0};
    wire_print(m, version, message, &out);
    buf_put_i8(&out, 0);
    ck_assert_str_eq((const char *)out.data, text);
    buf_reset(&out);
    ck_assert_int_eq(wire_encode(m, version, message, &out), ERR_NONE);
    ck_assert_uint_eq(out.len, bytes.len);
    ck_assert_mem_eq(out.data, bytes.data, bytes.len);
    buf_fini(&out);
}

START_TEST(old_metadata)
{
    golden(&wire_msg_metadata_request, 1, "0000000200066f7264657273000178",
           "{Topics=[{Name=\"orders\"}, {Name=\"x\"}]}");
    golden(&wire_msg_metadata_request, 1, "ffffffff", "{Topics=null}");
    golden(&wire_msg_metadata_response, 1,
           "00000002000000010002683100002384ffff0000000200026832000023850001720000000200000001"
           "000000066f726465727300000000010000000000000000000100000002000000010000000200000001"
           "00000001",
           "{Brokers=[{NodeId=1, Host=\"h1\", Port=9092, Rack=null}, {NodeId=2, Host=\"h2\", "
           "Port=9093, Rack=\"r\"}], ControllerId=2, Topics=[{ErrorCode=0, Name=\"orders\", "
           "IsInternal=false, Partitions=[{ErrorCode=0, PartitionIndex=0, LeaderId=1, "
           "ReplicaNodes=[1, 2], IsrNodes=[1]}]}]}");
}
END_TEST

START_TEST(old_produce_and_fetch)
{
    golden(&wire_msg_produce_request, 3,
           "ffffffff000005dc0000000100066f72646572730000000100000003000000075245434f524453",
           "{TransactionalId=null, Acks=-1, TimeoutMs=1500, TopicData=[{Name=\"orders\", "
           "PartitionData=[{Index=3, Records=<7 bytes>}]}]}");
    golden(&wire_msg_produce_response, 5,
           "0000000100066f726465727300000001000000030000000000000000004dffffffffffffffff0000000000"
           "00000500000009",
           "{Responses=[{Name=\"orders\", PartitionResponses=[{Index=3, ErrorCode=0, "
           "BaseOffset=77, LogAppendTimeMs=-1, LogStartOffset=5}]}], ThrottleTimeMs=9}");
    golden(&wire_msg_fetch_request, 11,
           "ffffffff000001f400000001000003e80100000007000000080000000100066f72646572730000000100"
           "000003000000040000000000000063ffffffffffffffff000010000000000000047261636b",
           "{ReplicaId=-1, MaxWaitMs=500, MinBytes=1, MaxBytes=1000, IsolationLevel=1, "
           "SessionId=7, SessionEpoch=8, Topics=[{Topic=\"orders\", Partitions=[{Partition=3, "
           "CurrentLeaderEpoch=4, FetchOffset=99, LogStartOffset=-1, PartitionMaxBytes=4096}]}], "
           "ForgottenTopicsData=[], RackId=\"rack\"}");
    golden(&wire_msg_fetch_response, 4,
           "000000030000000100066f7264657273000000010000000300000000000000000064000000000000005a00"
           "00000100000000000000070000000000000050000000075245434f524453",
           "{ThrottleTimeMs=3, Responses=[{Topic=\"orders\", Partitions=[{PartitionIndex=3, "
           "ErrorCode=0, HighWatermark=100, LastStableOffset=90, "
           "AbortedTransactions=[{ProducerId=7, FirstOffset=80}], Records=<7 bytes>}]}]}");
}
END_TEST

START_TEST(old_groups_and_topics)
{
    golden(&wire_msg_join_group_request, 2,
           "000167000027100000753000016d0008636f6e73756d657200000001000572616e67650000000200"
           "01",
           "{GroupId=\"g\", SessionTimeoutMs=10000, RebalanceTimeoutMs=30000, MemberId=\"m\", "
           "ProtocolType=\"consumer\", Protocols=[{Name=\"range\", Metadata=<2 bytes>}]}");
    golden(&wire_msg_offset_commit_request, 2,
           "0001670000000500016dffffffffffffffff0000000100066f7264657273000000010000000300000000"
           "0000002a00046d657461",
           "{GroupId=\"g\", GenerationIdOrMemberEpoch=5, MemberId=\"m\", RetentionTimeMs=-1, "
           "Topics=[{Name=\"orders\", Partitions=[{PartitionIndex=3, CommittedOffset=42, "
           "CommittedMetadata=\"meta\"}]}]}");
    golden(&wire_msg_create_topics_request, 1,
           "00000001000174ffffffffffff0000000100000000000000020000000100000002000000010001"
           "6b000176000003e801",
           "{Topics=[{Name=\"t\", NumPartitions=-1, ReplicationFactor=-1, "
           "Assignments=[{PartitionIndex=0, BrokerIds=[1, 2]}], Configs=[{Name=\"k\", "
           "Value=\"v\"}]}], timeoutMs=1000, validateOnly=true}");
}
END_TEST

START_TEST(api_versions)
{
    golden(&wire_msg_api_versions_request, 3, "06637261667404312e3000",
           "{ClientSoftwareName=\"craft\", ClientSoftwareVersion=\"1.0\"}");
    golden(&wire_msg_api_versions_response, 3,
           "002302001200000004000000000002010800000000000000070214020e6b726166742e76657273696f6e"
           "0001000100",
           "{ErrorCode=35, ApiKeys=[{ApiKey=18, MinVersion=0, MaxVersion=4}], ThrottleTimeMs=0, "
           "SupportedFeatures=[], FinalizedFeaturesEpoch=7, "
           "FinalizedFeatures=[{Name=\"kraft.version\", MaxVersionLevel=1, MinVersionLevel=1}], "
           "ZkMigrationReady=false}");
}
END_TEST

START_TEST(fetch_with_tagged_fields)
{
    golden(&wire_msg_fetch_request, 18,
           "000001f400000001000004000000000000ffffffff020000000000000000000000000000000102000000"
           "0200000005000000000000004d00000004ffffffffffffffff0000100002001000000000000000010000"
           "00000000000201080000000000000046000102720200020263010d00000003000000000000000900",
           "{ClusterId=\"c\", ReplicaState={ReplicaId=3, ReplicaEpoch=9}, MaxWaitMs=500, "
           "MinBytes=1, MaxBytes=1024, IsolationLevel=0, SessionId=0, SessionEpoch=-1, "
           "Topics=[{TopicId=AAAAAAAAAAAAAAAAAAAAAQ, Partitions=[{Partition=2, "
           "CurrentLeaderEpoch=5, FetchOffset=77, LastFetchedEpoch=4, LogStartOffset=-1, "
           "PartitionMaxBytes=4096, ReplicaDirectoryId=AAAAAAAAAAEAAAAAAAAAAg, "
           "HighWatermark=70}]}], ForgottenTopicsData=[], RackId=\"r\"}");
    golden(&wire_msg_fetch_response, 16,
           "00000000000000000000020000000000000000000000000000000102000000000006ffffffffffffffffff"
           "ffffffffffffffffffffffffffffff01ffffffff010101090000000200000008000001000d0200000002"
           "0268000023840000",
           "{ThrottleTimeMs=0, ErrorCode=0, SessionId=0, "
           "Responses=[{TopicId=AAAAAAAAAAAAAAAAAAAAAQ, Partitions=[{PartitionIndex=0, "
           "ErrorCode=6, HighWatermark=-1, LastStableOffset=-1, LogStartOffset=-1, "
           "DivergingEpoch={Epoch=-1, EndOffset=-1}, CurrentLeader={LeaderId=2, LeaderEpoch=8}, "
           "SnapshotId={EndOffset=-1, Epoch=-1}, AbortedTransactions=[], "
           "PreferredReadReplica=-1, Records=<0 bytes>}]}], NodeEndpoints=[{NodeId=2, "
           "Host=\"h\", Port=9092, Rack=null}]}");
}
END_TEST

START_TEST(quorum)
{
    golden(&wire_msg_vote_request, 2,
           "02630000000102135f5f636c75737465725f6d657461646174610200000000000000030000000200000000"
           "0000000500000000000000060000000000000007000000000000000800000002000000000000006301"
           "000000",
           "{ClusterId=\"c\", VoterId=1, Topics=[{TopicName=\"__cluster_metadata\", "
           "Partitions=[{PartitionIndex=0, ReplicaEpoch=3, ReplicaId=2, "
           "ReplicaDirectoryId=AAAAAAAAAAUAAAAAAAAABg, "
           "VoterDirectoryId=AAAAAAAAAAcAAAAAAAAACA, LastOffsetEpoch=2, LastOffset=99, "
           "PreVote=true}]}]}");
    golden(&wire_msg_voters_record, 0,
           "0000020000000100000000000000050000000000000006020b434f4e54524f4c4c45520268ffff00000000"
           "01000000",
           "{Version=0, Voters=[{VoterId=1, VoterDirectoryId=AAAAAAAAAAUAAAAAAAAABg, "
           "Endpoints=[{Name=\"CONTROLLER\", Host=\"h\", Port=65535}], "
           "KRaftVersionFeature={MinSupportedVersion=0, MaxSupportedVersion=1}}]}");
}
END_TEST

START_TEST(structures_that_may_be_null)
{
    golden(&wire_msg_consumer_group_heartbeat_response, 0,
           "00000000000000026d0000000400001388010200000000000000000000000000000001030000000000000"
           "002000000",
           "{ThrottleTimeMs=0, ErrorCode=0, ErrorMessage=null, MemberId=\"m\", MemberEpoch=4, "
           "HeartbeatIntervalMs=5000, "
           "Assignment={TopicPartitions=[{TopicId=AAAAAAAAAAAAAAAAAAAAAQ, "
           "Partitions=[0, 2]}]}}");
    golden(&wire_msg_consumer_group_heartbeat_response, 0, "00000000000000000000000000000000ff00",
           "{ThrottleTimeMs=0, ErrorCode=0, ErrorMessage=null, MemberId=null, MemberEpoch=0, "
           "HeartbeatIntervalMs=0, Assignment=null}");
}
END_TEST

/* Among the tagged fields null is a varint 0, and is written. */
START_TEST(tagged_structures_that_may_be_null)
{
    golden(&wire_msg_consumer_group_member_metadata_value, 0, "000001010100ffffffff0001000100",
           "{InstanceId=null, RackId=null, ClientId=\"\", ClientHost=\"\", "
           "SubscribedTopicNames=[], SubscribedTopicRegex=null, RebalanceTimeoutMs=-1, "
           "ServerAssignor=null, ClassicMemberMetadata=null}");
    golden(&wire_msg_consumer_group_member_metadata_value, 0,
           "026902720263026802027402780000012c08756e69666f726d010010010000002d020672616e6765020100"
           "00",
           "{InstanceId=\"i\", RackId=\"r\", ClientId=\"c\", ClientHost=\"h\", "
           "SubscribedTopicNames=[\"t\"], SubscribedTopicRegex=\"x\", RebalanceTimeoutMs=300, "
           "ServerAssignor=\"uniform\", ClassicMemberMetadata={SessionTimeoutMs=45, "
           "SupportedProtocols=[{Name=\"range\", Metadata=<1 bytes>}]}}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("examples");
    TCase *tc = tcase_create("examples");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, old_metadata);
    tcase_add_test(tc, old_produce_and_fetch);
    tcase_add_test(tc, old_groups_and_topics);
    tcase_add_test(tc, api_versions);
    tcase_add_test(tc, fetch_with_tagged_fields);
    tcase_add_test(tc, quorum);
    tcase_add_test(tc, structures_that_may_be_null);
    tcase_add_test(tc, tagged_structures_that_may_be_null);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
