/* The history of a run; see ledger.h. */
#include "sim/cluster/ledger.h"

#include "base/mem.h"
#include "sim/cluster/check.h"

enum fate { FATE_SENT, FATE_ACKED, FATE_REFUSED };

struct value {
    int64_t offset; /* acknowledged there, or seen there; −1: not known */
    int32_t log;
    uint8_t fate;
    bool read; /* in this pass */
};

struct ledger_log {
    struct uuid topic_id;
    char *topic;
    int32_t partition;
    bool forgotten;
    int64_t *values; /* by offset; −1: not known */
    int64_t count;
    int64_t end;     /* behind the highest offset that was acknowledged or seen */
    int64_t trimmed; /* what lies below may be deleted */
};

/* What a group was told about one partition. */
struct claim {
    char *group;
    int log;
    int32_t generation; /* −1: nobody has it */
    char *member;
    int64_t committed;
};

struct sim_ledger {
    struct sim_world *world;
    struct value *values;
    int64_t value_count;
    int64_t value_cap;
    struct ledger_log *logs;
    int log_count;
    struct claim *claims;
    int claim_count;
    struct sim_ledger_counts counts;
};

struct sim_ledger *sim_ledger_new(struct sim_world *world)
{
    struct sim_ledger *ledger = MEM_NEW(struct sim_ledger);
    ledger->world = world;
    return ledger;
}

void sim_ledger_free(struct sim_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    for (int i = 0; i < ledger->log_count; i++) {
        mem_free(ledger->logs[i].topic);
        mem_free(ledger->logs[i].values);
    }
    for (int i = 0; i < ledger->claim_count; i++) {
        mem_free(ledger->claims[i].group);
        mem_free(ledger->claims[i].member);
    }
    mem_free(ledger->logs);
    mem_free(ledger->claims);
    mem_free(ledger->values);
    mem_free(ledger);
}

int sim_ledger_log(struct sim_ledger *ledger, struct uuid topic_id, const char *topic,
                   int32_t partition)
{
    for (int i = 0; i < ledger->log_count; i++) {
        if (ledger->logs[i].partition == partition && uuid_eq(ledger->logs[i].topic_id, topic_id)) {
            return i;
        }
    }
    size_t size = ((size_t)ledger->log_count + 1) * sizeof *ledger->logs;
    ledger->logs = mem_realloc(ledger->logs, size);
    ledger->logs[ledger->log_count] = (struct ledger_log){
        .topic_id = topic_id, .topic = mem_strdup(topic), .partition = partition};
    return ledger->log_count++;
}

bool sim_ledger_has(const struct sim_ledger *ledger, const char *topic)
{
    for (int i = 0; i < ledger->log_count; i++) {
        if (strcmp(ledger->logs[i].topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

int64_t sim_ledger_send(struct sim_ledger *ledger, int log)
{
    if (ledger->value_count == ledger->value_cap) {
        ledger->value_cap = ledger->value_cap == 0 ? 256 : ledger->value_cap * 2;
        ledger->values =
            mem_realloc(ledger->values, (size_t)ledger->value_cap * sizeof *ledger->values);
    }
    ledger->values[ledger->value_count] = (struct value){.offset = -1, .log = log};
    ledger->counts.sent++;
    return ledger->value_count++;
}

/* ---- what must not be ---- */

static void fail(struct sim_ledger *ledger, const char *name, int log, int64_t offset,
                 int64_t value)
{
    const struct ledger_log *l = &ledger->logs[log];
    sim_fail(ledger->world, name, "%s-%d offset %" PRId64 " value %" PRId64, l->topic, l->partition,
             offset, value);
}

/* Somebody says that the value is at that offset. */
static void note_place(struct sim_ledger *ledger, int log, int64_t offset, int64_t id)
{
    struct ledger_log *l = &ledger->logs[log];
    struct value *value = &ledger->values[id];
    if (offset >= l->count) {
        int64_t count = offset + 1 + l->count / 2;
        l->values = mem_realloc(l->values, (size_t)count * sizeof *l->values);
        for (int64_t i = l->count; i < count; i++) {
            l->values[i] = -1;
        }
        l->count = count;
    }
    l->end = max_i64(l->end, offset + 1);
    /* Who sends a batch again after its first copy was deleted is told nothing of that. */
    if (value->offset >= l->trimmed && value->offset != offset) {
        fail(ledger, "Duplicate: a value is at two offsets", log, offset, id);
    }
    if (l->values[offset] >= 0 && l->values[offset] != id) {
        fail(ledger, "InconsistentOffsets: an offset has two values", log, offset, id);
    }
    value->offset = offset;
    l->values[offset] = id;
}

void sim_ledger_acked(struct sim_ledger *ledger, int64_t value, int64_t offset)
{
    ASSERT(value < ledger->value_count);
    struct value *v = &ledger->values[value];
    if (v->fate != FATE_SENT) {
        fail(ledger, "Duplicate: a value is acknowledged twice", v->log, offset, value);
    }
    v->fate = FATE_ACKED;
    ledger->counts.acked++;
    if (offset >= 0) {
        const struct ledger_log *log = &ledger->logs[v->log];
        note_place(ledger, v->log, offset, value);
        sim_check_acked(ledger->world->checks, log->topic_id, log->partition, offset);
    }
}

void sim_ledger_refused(struct sim_ledger *ledger, int64_t value)
{
    ASSERT(value < ledger->value_count);
    ledger->values[value].fate = FATE_REFUSED;
    ledger->counts.refused++;
}

void sim_ledger_read(struct sim_ledger *ledger, int log, int64_t offset, struct slice bytes)
{
    int64_t id;
    ledger->counts.reads++;
    if (sim_value_decode(bytes, &id) != ERR_NONE || id >= ledger->value_count) {
        fail(ledger, "Garbage: a value that nobody sent", log, offset, -1);
        return;
    }
    struct value *value = &ledger->values[id];
    if (value->log != log) {
        fail(ledger, "Garbage: a value of another partition", log, offset, id);
        return;
    }
    if (value->fate == FATE_REFUSED) {
        fail(ledger, "G1a: a value that was refused", log, offset, id);
    }
    note_place(ledger, log, offset, id);
    value->read = true;
}

void sim_ledger_read_all_again(struct sim_ledger *ledger)
{
    for (int64_t i = 0; i < ledger->value_count; i++) {
        ledger->values[i].read = false;
    }
}

static bool is_missing(const struct sim_ledger *ledger, const struct value *value)
{
    const struct ledger_log *l = &ledger->logs[value->log];
    return value->fate == FATE_ACKED && !value->read && !l->forgotten &&
           (l->trimmed == 0 || value->offset >= l->trimmed);
}

void sim_ledger_trim(struct sim_ledger *ledger, int log, int64_t offset)
{
    ledger->logs[log].trimmed = max_i64(ledger->logs[log].trimmed, offset);
}

int64_t sim_ledger_trimmed(const struct sim_ledger *ledger, int log)
{
    return ledger->logs[log].trimmed;
}

int64_t sim_ledger_end(const struct sim_ledger *ledger, int log)
{
    return ledger->logs[log].end;
}

int64_t sim_ledger_unread(const struct sim_ledger *ledger)
{
    int64_t count = 0;
    for (int64_t i = 0; i < ledger->value_count; i++) {
        count += is_missing(ledger, &ledger->values[i]) ? 1 : 0;
    }
    return count;
}

void sim_ledger_check_all_read(struct sim_ledger *ledger)
{
    for (int64_t i = 0; i < ledger->value_count; i++) {
        const struct value *value = &ledger->values[i];
        if (is_missing(ledger, value)) {
            fail(ledger, "LostWrite: an acknowledged value is not there", value->log, value->offset,
                 i);
        }
    }
}

void sim_ledger_forget(struct sim_ledger *ledger, struct uuid topic_id)
{
    for (int i = 0; i < ledger->log_count; i++) {
        if (uuid_eq(ledger->logs[i].topic_id, topic_id)) {
            ledger->logs[i].forgotten = true;
        }
    }
}

struct sim_ledger_counts sim_ledger_counts(const struct sim_ledger *ledger)
{
    return ledger->counts;
}

/* ---- groups ---- */

static struct claim *find_claim(struct sim_ledger *ledger, const char *group, int log)
{
    for (int i = 0; i < ledger->claim_count; i++) {
        if (ledger->claims[i].log == log && strcmp(ledger->claims[i].group, group) == 0) {
            return &ledger->claims[i];
        }
    }
    size_t size = ((size_t)ledger->claim_count + 1) * sizeof *ledger->claims;
    ledger->claims = mem_realloc(ledger->claims, size);
    struct claim *claim = &ledger->claims[ledger->claim_count++];
    *claim = (struct claim){.group = mem_strdup(group), .log = log, .generation = -1};
    return claim;
}

void sim_ledger_assigned(struct sim_ledger *ledger, const struct sim_assignment *a)
{
    struct claim *claim = find_claim(ledger, a->group, a->log);
    const struct ledger_log *l = &ledger->logs[a->log];
    ledger->counts.assignments++;
    if (claim->generation == a->generation && strcmp(claim->member, a->member) != 0) {
        sim_fail(ledger->world, "NoDoubleClientAssignment: a partition has two owners",
                 "group %s generation %d %s-%d: %s and %s", a->group, a->generation, l->topic,
                 l->partition, claim->member, a->member);
    }
    if (a->generation > claim->generation) {
        mem_free(claim->member);
        claim->member = mem_strdup(a->member);
        claim->generation = a->generation;
    }
}

void sim_ledger_committed(struct sim_ledger *ledger, const char *group, int log, int64_t offset)
{
    if (log >= 0) {
        struct claim *claim = find_claim(ledger, group, log);
        claim->committed = max_i64(claim->committed, offset);
        ledger->counts.commits++;
    }
}

int64_t sim_ledger_committed_floor(struct sim_ledger *ledger, const char *group, int log)
{
    return log < 0 ? 0 : find_claim(ledger, group, log)->committed;
}

/* ---- values as bytes ---- */

void sim_value_encode(int64_t value, size_t size, struct buf *out)
{
    buf_put_str(out, "val:");
    buf_put_i64(out, value);
    for (size_t i = SIM_VALUE_MIN; i < size; i++) {
        buf_put_i8(out, (int8_t)(value + (int64_t)i));
    }
}

enum err sim_value_decode(struct slice bytes, int64_t *value)
{
    struct reader r = reader_of(bytes);
    struct slice mark = reader_bytes(&r, 4);
    *value = reader_i64(&r);
    if (r.bad || !slice_eq_str(mark, "val:") || *value < 0) {
        return ERR_CORRUPT;
    }
    for (size_t i = SIM_VALUE_MIN; i < bytes.len; i++) {
        if ((int8_t)bytes.data[i] != (int8_t)(*value + (int64_t)i)) {
            return ERR_CORRUPT;
        }
    }
    return ERR_NONE;
}
