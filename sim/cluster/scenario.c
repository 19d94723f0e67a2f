/* Reading and writing of scenarios; see scenario.h. */
#include "sim/cluster/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { LINE_MAX_LEN = 1024, DEFAULT_CONVERGE_S = 60 };

/* ---- times and numbers ---- */

struct unit {
    const char *name;
    int64_t us;
};

static const struct unit units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}};

static bool parse_time_of(struct slice text, int64_t *us)
{
    char copy[32];
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    char *end = NULL;
    double value = strtod(copy, &end);
    if (end == copy || value < 0 || value > 1e9) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].name) == 0) {
            *us = (int64_t)(value * (double)units[i].us + 0.5);
            return true;
        }
    }
    *us = 0;
    return strcmp(end, "") == 0 && value <= 0;
}

bool sim_parse_time(const char *text, int64_t *us)
{
    return parse_time_of(slice_str(text), us);
}

bool sim_parse_times(const char *text, int64_t *low_us, int64_t *high_us)
{
    const char *dots = strstr(text, "..");
    if (dots == NULL) {
        bool ok = sim_parse_time(text, low_us);
        *high_us = *low_us;
        return ok;
    }
    return parse_time_of(slice_of(text, (size_t)(dots - text)), low_us) &&
           sim_parse_time(dots + 2, high_us) && *low_us <= *high_us;
}

bool sim_parse_number(const char *text, int64_t *out)
{
    char *end = NULL;
    *out = strtoll(text, &end, 10);
    return end != text && *end == '\0' && *out >= 0;
}

void sim_print_time(int64_t us, struct buf *out)
{
    int i = us % units[2].us == 0 ? 2 : us % units[1].us == 0 ? 1 : 0;
    buf_printf(out, "%" PRId64 "%s", us / units[i].us, units[i].name);
}

/* ---- building ---- */

void sim_scenario_init(struct sim_scenario *s, uint64_t seed)
{
    *s = (struct sim_scenario){.seed = seed,
                               .controllers = 3,
                               .brokers = 3,
                               .clients = 2,
                               .converge_us = DEFAULT_CONVERGE_S * units[2].us};
}

static void order_fini(struct sim_order *order)
{
    for (int i = 0; i < order->argc; i++) {
        mem_free(order->argv[i]);
    }
}

void sim_scenario_fini(struct sim_scenario *s)
{
    for (int i = 0; i < s->setting_count; i++) {
        mem_free(s->settings[i].who);
        mem_free(s->settings[i].pair);
    }
    for (int i = 0; i < s->order_count; i++) {
        order_fini(&s->orders[i]);
    }
    mem_free(s->settings);
    mem_free(s->orders);
    *s = (struct sim_scenario){0};
}

static void add_setting(struct sim_scenario *s, const char *who, const char *pair)
{
    size_t size = ((size_t)s->setting_count + 1) * sizeof *s->settings;
    s->settings = mem_realloc(s->settings, size);
    s->settings[s->setting_count++] = (struct sim_setting){mem_strdup(who), mem_strdup(pair)};
}

/* False: too many words, or none. */
static bool split(char *text, struct sim_order *order)
{
    char *at = text;
    for (;;) {
        at += strspn(at, " \t");
        size_t len = strcspn(at, " \t");
        if (len == 0) {
            return order->argc > 0;
        }
        if (order->argc == SIM_ARGS_MAX) {
            return false;
        }
        order->argv[order->argc++] = slice_dup_str(slice_of(at, len));
        at += len;
    }
}

static void insert(struct sim_scenario *s, const struct sim_order *order)
{
    size_t size = ((size_t)s->order_count + 1) * sizeof *s->orders;
    s->orders = mem_realloc(s->orders, size);
    int at = s->order_count++;
    for (; at > 0 && s->orders[at - 1].at_us > order->at_us; at--) {
        s->orders[at] = s->orders[at - 1];
    }
    s->orders[at] = *order;
}

void sim_scenario_set(struct sim_scenario *s, const char *who, const char *fmt, ...)
{
    char pair[LINE_MAX_LEN];
    va_list args;
    va_start(args, fmt);
    vsnprintf(pair, sizeof pair, fmt, args);
    va_end(args);
    add_setting(s, who, pair);
}

void sim_scenario_at(struct sim_scenario *s, int64_t at_us, const char *fmt, ...)
{
    char text[LINE_MAX_LEN];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct sim_order order = {.at_us = at_us};
    bool ok = split(text, &order);
    ASSERT(ok);
    insert(s, &order);
}

/* ---- reading ---- */

static bool parse_count(const struct sim_order *words, int max, int *out)
{
    int64_t value;
    bool ok = words->argc == 2 && sim_parse_number(words->argv[1], &value) && value <= max;
    *out = ok ? (int)value : 0;
    return ok;
}

static bool parse_seed(struct sim_scenario *s, const struct sim_order *words)
{
    char *end = NULL;
    s->seed = words->argc == 2 ? strtoull(words->argv[1], &end, 10) : 0;
    return end != NULL && *end == '\0';
}

static bool parse_at(struct sim_scenario *s, struct sim_order *words)
{
    struct sim_order order = {.line = words->line};
    if (words->argc < 3 || !sim_parse_time(words->argv[1], &order.at_us)) {
        return false;
    }
    for (int i = 2; i < words->argc; i++) {
        order.argv[order.argc++] = words->argv[i];
    }
    mem_free(words->argv[0]);
    mem_free(words->argv[1]);
    words->argc = 0;
    insert(s, &order);
    return true;
}

enum { CONTROLLERS_MAX = 7, BROKERS_MAX = 7, CLIENTS_MAX = 4 };

static bool parse_words(struct sim_scenario *s, struct sim_order *words)
{
    const char *first = words->argv[0];
    if (strcmp(first, "at") == 0) {
        return parse_at(s, words);
    }
    if (strcmp(first, "seed") == 0) {
        return parse_seed(s, words);
    }
    if (strcmp(first, "controllers") == 0) {
        return parse_count(words, CONTROLLERS_MAX, &s->controllers) && s->controllers > 0;
    }
    if (strcmp(first, "voters") == 0) {
        return parse_count(words, CONTROLLERS_MAX, &s->voters);
    }
    if (strcmp(first, "brokers") == 0) {
        return parse_count(words, BROKERS_MAX, &s->brokers);
    }
    if (strcmp(first, "clients") == 0) {
        return parse_count(words, CLIENTS_MAX, &s->clients);
    }
    if (strcmp(first, "converge") == 0) {
        return words->argc == 2 && sim_parse_time(words->argv[1], &s->converge_us);
    }
    if (strcmp(first, "set") == 0 && words->argc == 3 && strchr(words->argv[2], '=') != NULL) {
        add_setting(s, words->argv[1], words->argv[2]);
        return true;
    }
    return false;
}

static bool parse_line(struct sim_scenario *s, char *text, int number)
{
    struct sim_order words = {.line = number};
    bool empty = text[strspn(text, " \t")] == '\0' || text[strspn(text, " \t")] == '#';
    bool ok = empty || (split(text, &words) && parse_words(s, &words));
    order_fini(&words);
    return ok;
}

enum err sim_scenario_parse(struct sim_scenario *s, struct slice text, struct buf *why)
{
    char line[LINE_MAX_LEN];
    size_t at = 0;
    for (int number = 1; at < text.len; number++) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.data) - at;
        size_t kept = min_size(len, sizeof line - 1);
        memcpy(line, text.data + at, kept);
        line[kept] = '\0';
        if (kept < len || !parse_line(s, line, number)) {
            buf_printf(why, "line %d is no line of a scenario: %.*s", number, (int)kept,
                       (const char *)text.data + at);
            return ERR_CONFIG;
        }
        at += len + 1;
    }
    return ERR_NONE;
}

/* ---- writing ---- */

void sim_scenario_print(const struct sim_scenario *s, struct buf *out)
{
    buf_printf(out, "seed %" PRIu64 "\ncontrollers %d\n", s->seed, s->controllers);
    if (s->voters > 0) {
        buf_printf(out, "voters %d\n", s->voters);
    }
    buf_printf(out, "brokers %d\nclients %d\nconverge ", s->brokers, s->clients);
    sim_print_time(s->converge_us, out);
    buf_put_str(out, "\n");
    for (int i = 0; i < s->setting_count; i++) {
        buf_printf(out, "set %s %s\n", s->settings[i].who, s->settings[i].pair);
    }
    for (int i = 0; i < s->order_count; i++) {
        buf_put_str(out, "at ");
        sim_print_time(s->orders[i].at_us, out);
        for (int k = 0; k < s->orders[i].argc; k++) {
            buf_printf(out, " %s", s->orders[i].argv[k]);
        }
        buf_put_str(out, "\n");
    }
}
