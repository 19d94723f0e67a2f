/* The file of a development cluster. */
#include "dev/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

enum { FILE_BYTES_MAX = 1 << 16, PATH_BYTES_MAX = 4096 };

static void path_of(const char *dir, char out[PATH_BYTES_MAX])
{
    snprintf(out, PATH_BYTES_MAX, "%s/dev.state", dir);
}

static struct uuid new_id(void)
{
    struct uuid id;
    do {
        id = uuid_random();
    } while (uuid_text(id).text[0] == '-'); /* would look like an option */
    return id;
}

/* ---- reading ---- */

/* Takes one line off the front. */
static struct slice next_line(struct slice *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct slice line = slice_of(rest->data, len);
    size_t used = end == NULL ? len : len + 1;
    *rest = slice_of(rest->data + used, rest->len - used);
    return line;
}

static bool read_port(struct slice text, int *out)
{
    int port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || port > UINT16_MAX) {
            return false;
        }
        port = port * 10 + (text.data[i] - '0');
    }
    *out = port;
    return text.len > 0 && port <= UINT16_MAX;
}

/* "PORT" or "PORT:DIRECTORY-ID". */
static bool read_controller(struct slice value, struct dev_state *out)
{
    const uint8_t *colon = memchr(value.data, ':', value.len);
    if (colon == NULL || out->controllers == DEV_NODES_MAX) {
        return false;
    }
    size_t len = (size_t)(colon - value.data);
    int at = out->controllers++;
    return read_port(slice_of(value.data, len), &out->controller_ports[at]) &&
           uuid_parse(slice_of(colon + 1, value.len - len - 1), &out->directory_ids[at]);
}

static bool read_line(struct slice line, struct dev_state *out)
{
    const uint8_t *equals = memchr(line.data, '=', line.len);
    if (equals == NULL) {
        return false;
    }
    struct slice name = slice_of(line.data, (size_t)(equals - line.data));
    struct slice value = slice_of(equals + 1, line.len - name.len - 1);
    if (slice_eq_str(name, "cluster")) {
        return uuid_parse(value, &out->cluster_id);
    }
    if (slice_eq_str(name, "controller")) {
        return read_controller(value, out);
    }
    return slice_eq_str(name, "broker") && out->brokers < DEV_NODES_MAX &&
           read_port(value, &out->broker_ports[out->brokers++]);
}

enum err dev_state_read(const struct store_fs *fs, const char *dir, struct dev_state *out,
                        struct buf *why)
{
    char path[PATH_BYTES_MAX];
    struct buf text = {0};
    *out = (struct dev_state){0};
    path_of(dir, path);
    enum err e = store_fs_read_file(fs, path, FILE_BYTES_MAX, &text);
    if (e == ERR_NOT_FOUND) {
        out->is_new = true;
        out->cluster_id = new_id();
        buf_fini(&text);
        return ERR_NONE;
    }
    struct slice rest = buf_slice(&text);
    while (e == ERR_NONE && rest.len > 0) {
        e = read_line(next_line(&rest), out) ? ERR_NONE : ERR_CORRUPT;
    }
    if (e != ERR_NONE) {
        buf_printf(why, "%s cannot be used: %s; give another --dir", path, err_text(e));
    }
    buf_fini(&text);
    return e;
}

/* ---- writing ---- */

enum err dev_state_write(const struct store_fs *fs, const char *dir, const struct dev_state *state,
                         struct buf *why)
{
    char path[PATH_BYTES_MAX];
    struct buf text = {0};
    path_of(dir, path);
    buf_printf(&text, "cluster=%s\n", uuid_text(state->cluster_id).text);
    for (int i = 0; i < state->controllers; i++) {
        buf_printf(&text, "controller=%d:%s\n", state->controller_ports[i],
                   uuid_text(state->directory_ids[i]).text);
    }
    for (int i = 0; i < state->brokers; i++) {
        buf_printf(&text, "broker=%d\n", state->broker_ports[i]);
    }
    enum err e = store_fs_write_file(fs, path, buf_slice(&text), false);
    if (e != ERR_NONE) {
        buf_printf(why, "%s cannot be written: %s", path, err_text(e));
    }
    buf_fini(&text);
    return e;
}
