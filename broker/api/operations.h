/* Operations that a client may do, as answers tell them when asked (KIP-430): a sum of bits, whose
 * numbers are those of Kafka's AclOperation. There are no ACLs: everybody may do all that a
 * resource has. Who does not ask is told INT32_MIN, the schemas' default. */
#ifndef BROKER_API_OPERATIONS_H
#define BROKER_API_OPERATIONS_H

enum operation {
    OPERATION_READ = 1 << 3,
    OPERATION_WRITE = 1 << 4,
    OPERATION_CREATE = 1 << 5,
    OPERATION_DELETE = 1 << 6,
    OPERATION_ALTER = 1 << 7,
    OPERATION_DESCRIBE = 1 << 8,
    OPERATION_CLUSTER_ACTION = 1 << 9,
    OPERATION_DESCRIBE_CONFIGS = 1 << 10,
    OPERATION_ALTER_CONFIGS = 1 << 11,
    OPERATION_IDEMPOTENT_WRITE = 1 << 12,

    OPERATIONS_CLUSTER = OPERATION_CREATE | OPERATION_ALTER | OPERATION_DESCRIBE |
                         OPERATION_CLUSTER_ACTION | OPERATION_DESCRIBE_CONFIGS |
                         OPERATION_ALTER_CONFIGS | OPERATION_IDEMPOTENT_WRITE,
    OPERATIONS_TOPIC = OPERATION_READ | OPERATION_WRITE | OPERATION_CREATE | OPERATION_DELETE |
                       OPERATION_ALTER | OPERATION_DESCRIBE | OPERATION_DESCRIBE_CONFIGS |
                       OPERATION_ALTER_CONFIGS,
    OPERATIONS_GROUP = OPERATION_READ | OPERATION_DELETE | OPERATION_DESCRIBE |
                       OPERATION_DESCRIBE_CONFIGS | OPERATION_ALTER_CONFIGS
};

#endif
