/* What has happened: its hash, its text, and the faults among it. */
#include <stdarg.h>
#include <stdio.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "sim/net/world.h"

enum { TRACE_LINE_MAX = 1200 };

static const char *const note_texts[] = {
#define SIM_NOTE_TEXT(name, text) [SIM_NOTE_##name] = text,
    SIM_NOTES(SIM_NOTE_TEXT)
#undef SIM_NOTE_TEXT
};

void sim_hash(struct sim_net *net, uint64_t value)
{
    uint64_t hash = (net->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    net->hash = hash ^ (hash >> 29);
}

uint64_t sim_net_hash(const struct sim_net *net)
{
    return net->hash;
}

bool sim_net_traces(const struct sim_net *net)
{
    return net->options.trace != NULL;
}

/* "<µs> <host> " */
static int begin_line(const struct sim_net *net, const struct sim_host *host, char *line)
{
    return snprintf(line, TRACE_LINE_MAX, "%" PRId64 " %s ", sim_net_now_us(net),
                    host == NULL ? "-" : host->name);
}

static void end_line(struct sim_net *net, const char *line)
{
    if (sim_net_traces(net)) {
        net->options.trace(net->options.trace_arg, line);
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void sim_note(struct sim_net *net, const struct sim_host *host, enum sim_note note, int64_t a,
              int64_t b)
{
    sim_hash(net, (uint64_t)sim_net_now_us(net));
    sim_hash(net, (uint64_t)note << 32 | (uint32_t)(host == NULL ? -1 : host->index));
    sim_hash(net, (uint64_t)a);
    sim_hash(net, (uint64_t)b);
    if (sim_net_traces(net)) {
        char line[TRACE_LINE_MAX];
        int at = begin_line(net, host, line);
        snprintf(line + at, sizeof line - (size_t)at, note_texts[note], a, b);
        end_line(net, line);
    }
}

void sim_net_trace(struct sim_net *net, const char *fmt, ...)
{
    char line[TRACE_LINE_MAX];
    int at = begin_line(net, sim_host_current(), line);
    va_list args;
    va_start(args, fmt);
    vsnprintf(line + at, sizeof line - (size_t)at, fmt, args);
    va_end(args);
    sim_hash(net, crc32c(0, line, strlen(line)));
    end_line(net, line);
}
#pragma GCC diagnostic pop

/* ---- faults ---- */

static struct sim_fault_count *find_fault(struct sim_net *net, const char *name)
{
    LIST_EACH(node, &net->faults)
    {
        struct sim_fault_count *fault = LIST_ENTRY(node, struct sim_fault_count, link);
        if (fault->name == name || strcmp(fault->name, name) == 0) {
            return fault;
        }
    }
    struct sim_fault_count *fault = MEM_NEW(struct sim_fault_count);
    fault->name = name;
    list_add_tail(&net->faults, &fault->link);
    return fault;
}

void sim_net_fault(struct sim_net *net, const char *name)
{
    find_fault(net, name)->count++;
}

bool sim_net_fault_at(const struct sim_net *net, size_t at, const char **name, uint64_t *count)
{
    LIST_EACH(node, &net->faults)
    {
        if (at-- == 0) {
            const struct sim_fault_count *fault = LIST_ENTRY(node, struct sim_fault_count, link);
            *name = fault->name;
            *count = fault->count;
            return true;
        }
    }
    return false;
}
