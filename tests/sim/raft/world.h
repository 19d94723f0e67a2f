/* A simulated quorum: real cores (raft/raft.h), everything around them pretended.
 *
 * One seed decides everything: how many nodes, how long timers, links and disks take, which faults
 * there are and when. A run has phases: faults; then all is healed and the cluster must agree and
 * commit and be read; then it must be quiet, even when one that was cut off comes back; then its
 * leader is killed and must be replaced at once; then its voters are changed, the leader among
 * them. After every step of a core the checks of check.h look at it.
 *
 * A node is a controller or a broker. Some controllers are voters from the beginning, the others
 * may become some. A controller that loses its disk comes back as another replica: nobody, until
 * it is made a voter.
 *
 * Files: swarm.c draws the options; queue.c keeps the events; net.c and disk.c carry out what the
 * cores want; voters.c knows the voter sets, change.c changes them; nemesis.c breaks things;
 * phases.c runs; raft_sim.c is the command. */
#ifndef TESTS_SIM_RAFT_WORLD_H
#define TESTS_SIM_RAFT_WORLD_H

#include "base/list.h"
#include "base/log.h"
#include "base/prng.h"
#include "raft/raft.h"

enum {
    SIM_NODES_MAX = 9,                 /* 5 voters, 2 other controllers and 2 brokers */
    SIM_DISKS_MAX = SIM_NODES_MAX + 7, /* each is a replica of its own; so many may be lost */
    SIM_LINE_MAX = 256,
    SIM_LINES_KEPT = 80, /* of the trace, shown when a seed fails */
};

#define SIM_NEVER INT64_MAX
#define SIM_MS 1000 /* the simulation counts in microseconds */

/* ---- logs ---- */

struct sim_batch {
    int64_t base_offset;
    int64_t last_offset;
    int32_t epoch;
    uint64_t value;  /* unique to the append that made it: the bytes, as it were */
    uint64_t prefix; /* hash of this batch and all before it */
    int voters;      /* holds a KRaftVoters record, at last_offset: a number, see sim_set(); or 0 */
    int64_t made_us; /* when it was appended by a leader */
};

struct sim_log {
    struct raft_position start; /* what is before it is gone */
    uint64_t start_prefix;      /* hash of that */
    int start_voters;           /* the newest set of it; see sim_set() */
    struct sim_batch *items;
    int count;
    int cap;
};

int64_t sim_log_end(const struct sim_log *log);
void sim_log_append(struct sim_log *log, struct sim_batch batch); /* computes `prefix` */
void sim_log_truncate(struct sim_log *log, int64_t end);          /* `end` is a batch's edge */
/* Empty, and begins where the snapshot ends. */
struct sim_snapshot;
void sim_log_reset(struct sim_log *log, const struct sim_snapshot *snapshot);
void sim_log_trim(struct sim_log *log, int64_t start); /* `start` is a batch's edge */
/* The index of the batch that holds `offset`, or `count`. */
int sim_log_find(const struct sim_log *log, int64_t offset);
void sim_log_fini(struct sim_log *log);

/* ---- snapshots ---- */

enum { SIM_SNAPSHOTS_MAX = 6 }; /* of a node */

struct sim_snapshot {
    struct raft_position place;
    uint64_t prefix; /* hash of the log that it stands for: its content, as it were */
    int voters;      /* the set that it holds, see sim_set(); 0: none */
};

/* A piece of a snapshot's file on its way. Two nodes' files of the same place are not the same
 * bytes. */
struct sim_piece {
    struct sim_snapshot of;
    int source; /* whose file */
    bool damaged;
};

/* What a node has of a file that it is getting. */
struct sim_part {
    bool open;
    struct sim_piece first;
    int64_t position;
    bool damaged;
    uint64_t generation; /* of downloads: a late check belongs to an old one */
};

/* ---- what the seed decides ---- */

enum sim_fault {
    SIM_CRASH,
    SIM_CRASH_VOTED, /* just after a vote: it must be remembered */
    SIM_PAUSE,
    SIM_PARTITION,
    SIM_ONE_WAY,
    SIM_ISOLATE_LEADER,
    SIM_BLIP,   /* connections drop, nobody died */
    SIM_RESIGN, /* the state machine gives up, or the process is shut down in order */
    SIM_SLOW_DISK,
    SIM_WIPE, /* a controller loses its disk */
    SIM_CLOG, /* what is sent to or by a node takes seconds */
    SIM_FAULTS,
};

struct sim_swarm {
    int voters;      /* at the beginning; the nodes before `controllers` */
    int controllers; /* the nodes before the brokers */
    int brokers;
    bool static_voters;      /* kraft.version 0: no directory ids, no voter records, … */
    bool upgrades;           /* … but the voters become records some day */
    int64_t change_every_us; /* 0: the voters are not changed */
    int bootstrap;           /* addresses to ask beside the voters */
    int32_t election_timeout_ms;
    int32_t fetch_timeout_ms;
    int32_t request_timeout_ms;
    int64_t latency_min_us;
    int64_t latency_max_us;
    int loss_per_mille;
    int duplicate_per_mille;
    int64_t disk_min_us;
    int64_t disk_max_us;
    int64_t append_every_us;
    int64_t read_every_us;
    int fetch_batches_max;
    int64_t snapshot_every_us; /* 0: never */
    int snapshot_size_max;
    int snapshot_piece_max;
    int damaged_per_mille; /* of the pieces */
    int64_t fault_every_us;
    bool faults[SIM_FAULTS];
    int silent_percent; /* of the crashes: connections just end, nobody is told */
    int drift_percent;  /* clocks run up to this much faster or slower */
    int64_t fault_phase_us;
};

/* ---- a node ---- */

/* What a step wants, kept until its turn comes. */
struct sim_effect {
    struct list node;
    bool save;
    bool saved;
    struct raft_hard_state hard_state;
    bool truncate;
    int64_t truncate_to;
    bool install;
    bool installed;
    struct raft_download download;
    struct sim_piece piece;
    bool trim;
    int64_t trim_to;
    struct sim_log append;
    struct raft_message *messages;
    int message_count;
    struct raft_answer *answers;
    int answer_count;
    struct raft_read_answer *reads;
    int read_count;
};

struct sim_node {
    struct sim_world *world;
    int index;
    int disk; /* its number; the first ones are those of the nodes */
    struct raft_key key;
    struct raft *raft; /* NULL: down */
    struct raft_update update;
    struct log trace;
    uint32_t life;     /* counts the starts */
    int64_t tick_us;   /* when the core wants to be stepped */
    int64_t paused_us; /* no event before that */
    int clock_percent; /* 100: right */
    int64_t clock_offset_ms;
    int64_t slow_disk_us; /* added to each access */
    struct list effects;  /* struct sim_effect, oldest first */
    bool saving;

    struct sim_log log;
    int64_t synced;        /* everything before it survives a crash */
    struct sim_log undone; /* cut off, but a crash may bring it back */
    bool flushing;
    int64_t flushing_to;
    struct raft_hard_state saved; /* quorum-state on disk */

    struct sim_snapshot snapshots[SIM_SNAPSHOTS_MAX]; /* durable; oldest first */
    int snapshot_count;
    struct sim_snapshot taking; /* place.offset 0: none */
    struct sim_part part;
    struct sim_piece incoming; /* with the event of this step */
    bool installing;
    struct sim_log replaced; /* by an installed snapshot, but a crash may bring it back */

    /* Kept by the checks. */
    int32_t seen_epoch;
    enum raft_role seen_role;
    int32_t seen_leading;              /* the epoch that it has been seen to lead in this life */
    int64_t step_high_watermark;       /* after the last step */
    int64_t seen_high_watermark;       /* when the disk had followed */
    int64_t contact_us[SIM_DISKS_MAX]; /* last fetch from each, while leading */
    int64_t seen_voters;               /* the offset of the set that was in force, while leading */
    int64_t busy_ms;
    int busy_steps;
};

/* ---- the rest of the world ---- */

enum sim_event_kind {
    SIM_EVENT_REQUEST,
    SIM_EVENT_RESPONSE,
    SIM_EVENT_FAILED,
    SIM_EVENT_LOST,
    SIM_EVENT_FLUSHED,
    SIM_EVENT_SAVED,
    SIM_EVENT_SNAPSHOT, /* somebody takes one, or trims its log */
    SIM_EVENT_TAKEN,
    SIM_EVENT_CHECKED,
    SIM_EVENT_INSTALLED,
    SIM_EVENT_APPEND,
    SIM_EVENT_CHANGE,
    SIM_EVENT_READ,
    SIM_EVENT_NEMESIS,
    SIM_EVENT_CRASH,
    SIM_EVENT_START,
    SIM_EVENT_HEAL,
};

struct sim_event {
    int64_t at_us;
    uint64_t number; /* breaks ties, first come first served */
    enum sim_event_kind kind;
    int node; /* to whom it happens */
    uint32_t life;
    int peer;
    uint64_t id; /* of the message, or the offset flushed */
    uint64_t token;
    bool closed;
    struct raft_request request;
    struct raft_response response;
    struct sim_log batches; /* of a fetch response */
    struct sim_piece piece; /* of a snapshot */
};

struct sim_queue {
    struct sim_event **heap;
    int count;
    int cap;
    uint64_t numbers;
};

void sim_queue_push(struct sim_queue *queue, struct sim_event *event);
struct sim_event *sim_queue_pop(struct sim_queue *queue);
void sim_queue_fini(struct sim_queue *queue);

/* A request that has arrived somewhere and is not answered yet. */
struct sim_token {
    int asker;
    uint32_t asker_life;
    uint64_t message_id;
    int32_t addressed; /* as whom the asker knows the answerer */
    int32_t epoch;     /* of the request */
    bool pre_vote;
    int candidate; /* the disk for which a vote is asked */
    int holder;
    uint32_t holder_life;
    bool open;
};

/* A voter set that a leader has written into its log. */
struct sim_voters {
    struct raft_voter_set set;
    int64_t offset;
};

/* What a disk held when it was lost: acknowledgements of it may still count. */
struct sim_ghost {
    struct sim_log log;
    int64_t synced;
};

/* Somebody's question whether it may read. */
struct sim_read {
    int node;
    int64_t committed; /* by anybody, when it was asked */
    bool answered;
};

struct sim_stats {
    int64_t steps;
    int64_t changes;  /* of voters, appended */
    int64_t upgrades; /* static voters became records */
    int64_t wipes;
    int64_t reads;   /* confirmed */
    int64_t commits; /* offsets */
    int64_t leaders;
    int64_t crashes;
    int64_t truncations;
    int64_t faults;
    int64_t snapshots;
    int64_t trims;
    int64_t installs;
    int64_t torn; /* downloads ended by a crash */
    int64_t failover_ms_max;
    int64_t failover_ms_sum;
    int64_t failovers;
};

struct sim_world {
    uint64_t seed;
    struct prng prng;
    struct sim_swarm swarm;
    int64_t now_us;
    struct sim_queue queue;
    struct sim_node nodes[SIM_NODES_MAX];
    int count;
    int disks; /* numbers given */
    struct sim_ghost ghosts[SIM_DISKS_MAX];
    struct sim_voters *sets;
    int set_count;
    int set_cap;
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX];        /* [from][to] */
    int64_t clog_us[SIM_NODES_MAX][SIM_NODES_MAX]; /* up to this much later */
    bool healed;
    uint64_t values; /* handed out to appends */
    struct sim_token *tokens;
    int token_count;
    int token_cap;
    struct sim_read *reads; /* by token */
    int read_count;
    int read_cap;
    struct check_state *checks;
    struct sim_stats stats;

    uint64_t trace_hash;
    bool verbose;
    char lines[SIM_LINES_KEPT][SIM_LINE_MAX];
    int64_t line_count;

    bool failed;
    char failure[SIM_LINE_MAX];
};

/* Runs the seed to its end; false if a check failed, with world->failure. */
bool sim_run(struct sim_world *world, uint64_t seed, bool verbose);
void sim_fini(struct sim_world *world);

void sim_draw_swarm(struct sim_world *world);

/* Ends the run as failed; the first reason stays. */
void sim_fail(struct sim_world *world, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A line of the trace. */
void sim_say(struct sim_world *world, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Numbers that are part of the trace's hash. */
void sim_hash(struct sim_world *world, uint64_t value);

/* A new event, at `delay_us` from now; the queue owns it. */
struct sim_event *sim_schedule(struct sim_world *world, int64_t delay_us, enum sim_event_kind kind,
                               int node);

bool sim_chance(struct sim_world *world, int num, int den);
int64_t sim_draw(struct sim_world *world, int64_t low, int64_t high);

/* ---- voters.c ---- */

bool sim_is_controller(const struct sim_node *node);

/* The number of the disk that the key names. */
int sim_disk_of(struct raft_key key);

/* Is it that of a node, or lost? */
bool sim_is_alive(const struct sim_world *world, struct raft_key key);

/* Would this be a majority of replicas that still have their disks? */
bool sim_has_majority(const struct sim_world *world, const struct raft_voter_set *set);

/* The voters of the bootstrap snapshot, which `disk` was formatted with; empty: it was not. */
struct raft_voter_set sim_first_voters(const struct sim_world *world, int disk);

/* Those of the settings, without directory ids; empty: the settings do not say. Who has lost its
 * disk after the voters became records comes back with other settings. */
struct raft_voter_set sim_static_voters(const struct sim_node *node);

/* Gives a set that a leader appends a number; and what stands behind a number. */
int sim_set_add(struct sim_world *world, const struct raft_voter_set *set, int64_t offset);
const struct sim_voters *sim_set(const struct sim_world *world, int number);

/* The newest set of the log; NULL: none. */
const struct sim_voters *sim_log_voters(const struct sim_world *world, const struct sim_log *log);

/* May the disk be lost with nothing lost for good? Every set that is or may come into force must
 * keep a majority. As long as somebody does not know that static voters have become records, a disk
 * that is lost is lost as in a static quorum, which takes the next one for the same replica. */
bool sim_may_wipe(const struct sim_world *world, int disk);

/* ---- change.c ---- */

/* An operator wants something of the voters. */
void sim_change(struct sim_world *world);

/* Heals the voter set, changes it, removes the leader from it: the cluster is well. */
void sim_change_phase(struct sim_world *world);

/* ---- nodes (node.c) ---- */

int64_t sim_node_ms(const struct sim_node *node);
void sim_node_start(struct sim_node *node);
void sim_node_crash(struct sim_node *node, bool silent);
/* Steps the core and takes note of what it wants. */
void sim_node_step(struct sim_node *node, struct raft_event *event, const struct sim_log *received);
void sim_node_tick(struct sim_node *node);
/* Goes on with the effects after a save. */
void sim_node_resume(struct sim_node *node);
/* The running node that leads the highest epoch, or NULL. */
struct sim_node *sim_leader(struct sim_world *world);

/* ---- disk.c ---- */

void sim_disk_obey(struct sim_node *node, struct sim_effect *effect);
void sim_disk_save(struct sim_node *node);
void sim_disk_flushed(struct sim_node *node, int64_t offset);
void sim_disk_saved(struct sim_node *node);
void sim_disk_crash(struct sim_node *node);
void sim_disk_wipe(struct sim_node *node);
enum err sim_disk_boot(struct sim_node *node, const struct raft_options *options);

/* ---- snapshots.c ---- */

/* Somebody takes a snapshot of what is committed, or lets go of its log before one. */
void sim_snapshot_event(struct sim_world *world);
void sim_snapshot_taken(struct sim_node *node);
void sim_snapshot_obey(struct sim_node *node, const struct sim_effect *effect);
void sim_snapshot_install(struct sim_node *node);
void sim_snapshot_installed(struct sim_node *node);
void sim_snapshot_checked(struct sim_node *node, uint64_t generation);
void sim_snapshot_crash(struct sim_node *node);
/* Decides what the node finds: the newest snapshot that can be read, and a log that goes with it.
 */
void sim_snapshot_boot(struct sim_node *node);
/* Fills in what the file has at the position, or the error. */
void sim_snapshot_serve(const struct sim_node *from, struct raft_response *response,
                        struct sim_piece *piece);

/* ---- net.c ---- */

void sim_net_send(struct sim_node *from, const struct raft_message *message);
void sim_net_answer(struct sim_node *from, const struct raft_answer *answer);
void sim_net_deliver(struct sim_world *world, struct sim_event *event);
void sim_net_crashed(struct sim_node *node, bool silent);

/* ---- reads.c ---- */

void sim_read(struct sim_world *world, struct sim_node *node);
void sim_read_someone(struct sim_world *world);
void sim_read_answered(struct sim_node *node, const struct raft_read_answer *answer);

/* Asks the leader; false if it is not confirmed in time. */
bool sim_read_through(struct sim_world *world, int64_t until_us);

/* ---- nemesis.c ---- */

void sim_nemesis(struct sim_world *world);
/* The node has voted for another. */
void sim_nemesis_voted(struct sim_node *node, int candidate);
void sim_nemesis_crash(struct sim_node *node);
void sim_heal(struct sim_world *world);

#endif
