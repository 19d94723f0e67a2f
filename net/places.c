/* Places of connections: counted for each address, limited together, in number and in time. */
#include "net/places.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ONE = 1000, NEVER_MS = 1000 };

/* A number of connections of one address. */
struct ip_count {
    struct address_text host; /* the key */
    int count;
};

static struct slice host_key(const struct address_text *host)
{
    return slice_str(host->text);
}

static void free_counts(struct map *counts)
{
    size_t at = 0;
    for (void *ip = map_next(counts, &at); ip != NULL; ip = map_next(counts, &at)) {
        mem_free(ip);
    }
    map_fini(counts);
}

void places_fini(struct places *places)
{
    free_counts(&places->overrides);
    free_counts(&places->per_ip);
}

static struct ip_count *count_of(struct map *counts, const struct address_text *host)
{
    struct ip_count *ip = map_get(counts, host_key(host));
    if (ip == NULL) {
        ip = MEM_NEW(struct ip_count);
        ip->host = *host;
        map_put(counts, host_key(&ip->host), ip);
    }
    return ip;
}

/* ---- limits ---- */

/* "127.0.0.1:5" or "[::1]:5". The text of an address as peers have it becomes the key. */
static bool read_override(char *item, struct map *overrides)
{
    char *colon = strrchr(item, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    char *end;
    long count = strtol(colon + 1, &end, 10);
    size_t len = strlen(item);
    if (len > 1 && item[0] == '[' && item[len - 1] == ']') {
        item[len - 1] = '\0';
        item++;
    }
    struct address_list found;
    if (end == colon + 1 || *end != '\0' || count < 0 || count > INT32_MAX || *item == '\0' ||
        os_resolve(item, 0, true, &found) != NULL) {
        return false;
    }
    struct address_text host = address_host(&found.items[0]);
    count_of(overrides, &host)->count = (int)count;
    return true;
}

static enum err read_overrides(const char *text, struct map *overrides, struct net_error *why)
{
    char *copy = mem_strdup(text == NULL ? "" : text);
    enum err e = ERR_NONE;
    char *rest = copy;
    for (char *item = strtok_r(copy, ", ", &rest); item != NULL && e == ERR_NONE;
         item = strtok_r(NULL, ", ", &rest)) {
        char name[ADDRESS_TEXT_MAX];
        snprintf(name, sizeof name, "%s", item);
        if (!read_override(item, overrides)) {
            e = ERR_CONFIG;
            if (why != NULL) {
                snprintf(why->text, sizeof why->text,
                         "max.connections.per.ip.overrides: %.60s is not an address (names are not "
                         "looked up) and a number, as 127.0.0.1:5",
                         name);
            }
        }
    }
    mem_free(copy);
    return e;
}

enum err places_set_limits(struct places *places, const struct net_listener_limits *limits,
                           struct net_error *why)
{
    struct map overrides = {0};
    enum err e = read_overrides(limits->per_ip_overrides, &overrides, why);
    if (e != ERR_NONE) {
        free_counts(&overrides);
        return e;
    }
    free_counts(&places->overrides);
    places->overrides = overrides;
    places->limits = *limits;
    places->limits.per_ip_overrides = NULL;
    return ERR_NONE;
}

/* ---- time ---- */

int64_t places_turn_ms(struct places *places, int64_t now_ms)
{
    int64_t rate = places->limits.accepts_per_second_max;
    if (rate == 0) {
        places->credit = 0;
        return 0;
    }
    if (rate < 0) {
        return NEVER_MS; /* then it looks again: the limit may change */
    }
    /* A quiet second may be made up for. */
    int64_t most = rate * ONE;
    int64_t passed_ms = min_i64(now_ms - places->credit_ms, 1000);
    places->credit = min_i64(places->credit + passed_ms * rate, most);
    places->credit_ms = now_ms;
    if (places->credit < ONE) {
        return (ONE - places->credit + rate - 1) / rate;
    }
    return 0;
}

void places_accepted(struct places *places)
{
    places->credit -= ONE;
}

/* ---- numbers ---- */

static bool is_reached(int limit, int count)
{
    return limit < 0 || (limit > 0 && count >= limit);
}

const char *places_take(struct places *places, const struct address_text *host)
{
    if (is_reached(places->limits.connections_max, places->open)) {
        return "max.connections";
    }
    const struct ip_count *has = map_get(&places->per_ip, host_key(host));
    const struct ip_count *may = map_get(&places->overrides, host_key(host));
    int count = has == NULL ? 0 : has->count;
    if (may != NULL ? count >= may->count
                    : is_reached(places->limits.connections_per_ip_max, count)) {
        return may != NULL ? "max.connections.per.ip.overrides" : "max.connections.per.ip";
    }
    count_of(&places->per_ip, host)->count++;
    places->open++;
    return NULL;
}

void places_give_back(struct places *places, const struct address_text *host)
{
    struct ip_count *ip = map_get(&places->per_ip, host_key(host));
    ASSERT(ip != NULL);
    if (--ip->count == 0) {
        map_remove(&places->per_ip, host_key(host));
        mem_free(ip);
    }
    places->open--;
}
