/* kafka-configs --alter. */
#include <stdio.h>

#include "cli/kafka/configs.h"
#include "metadata/settings_file.h"
#include "store/store.h"

enum { FILE_BYTES_MAX = 1 << 20 };

struct changes {
    struct cli *cli;
    struct configs_change *items;
    int32_t count;
    int32_t capacity;
};

static struct slice trim(struct slice text)
{
    while (text.len > 0 && strchr(" \t", text.data[0]) != NULL) {
        text = slice_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && strchr(" \t", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

static void add_change(struct changes *changes, struct slice name, enum configs_operation operation,
                       struct slice value)
{
    if (changes->count == changes->capacity) {
        struct configs_change *all = ARENA_ARRAY(
            &changes->cli->arena, (size_t)changes->capacity * 2 + 16, struct configs_change);
        if (changes->count > 0) {
            memcpy(all, changes->items, (size_t)changes->count * sizeof *all);
        }
        changes->items = all;
        changes->capacity = changes->capacity * 2 + 16;
    }
    changes->items[changes->count++] = (struct configs_change){name, operation, value};
}

/* The value that a setting is given last counts. */
static void set_change(struct changes *changes, struct slice name, struct slice value)
{
    for (int32_t i = 0; i < changes->count; i++) {
        if (slice_eq(changes->items[i].name, name)) {
            changes->items[i].value = value;
            return;
        }
    }
    add_change(changes, name, CONFIGS_SET, value);
}

/* "k=v", "k=[a,b]": the brackets go. */
static bool read_pair(struct changes *changes, struct slice pair)
{
    const uint8_t *equals = pair.len == 0 ? NULL : memchr(pair.data, '=', pair.len);
    if (equals == NULL) {
        return false;
    }
    struct buf value = {0};
    bool in_brackets = false;
    bool is_good = true;
    for (const uint8_t *at = equals + 1; at < pair.data + pair.len; at++) {
        in_brackets = *at == '[' ? true : *at == ']' ? false : in_brackets;
        is_good = is_good && (*at != '=' || in_brackets);
        buf_put(&value, at, strchr("[]", *at) == NULL ? 1 : 0);
    }
    if (is_good) {
        set_change(changes, trim(slice_of(pair.data, (size_t)(equals - pair.data))),
                   trim(arena_dup(&changes->cli->arena, buf_slice(&value))));
    }
    buf_fini(&value);
    return is_good;
}

/* "k1=v1,k2=[a,b]": commas in brackets do not separate; those at the end do not count. */
static bool read_added(struct changes *changes, struct slice text)
{
    while (text.len > 1 && text.data[text.len - 1] == ',') {
        text.len--;
    }
    bool in_brackets = false;
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        uint8_t c = i < text.len ? text.data[i] : ',';
        in_brackets = c == '[' ? true : c == ']' ? false : in_brackets;
        if (c != ',' || (in_brackets && i < text.len)) {
            continue;
        }
        if (!read_pair(changes, slice_of(text.data + start, i - start))) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

static enum err take_pair(void *arg, int line, struct slice key, struct slice value)
{
    (void)line;
    struct changes *changes = arg;
    struct arena *arena = &changes->cli->arena;
    set_change(changes, arena_dup(arena, key), arena_dup(arena, value));
    return ERR_NONE;
}

static enum err bad_line(void *arg, int line)
{
    struct changes *changes = arg;
    buf_printf(&changes->cli->why, "line %d has a NUL, or a wrong \\u escape", line);
    return ERR_INVALID_REQUEST;
}

static bool read_file(struct changes *changes, const char *path)
{
    struct buf text = {0};
    struct settings_file_sink sink = {changes, take_pair, bad_line};
    enum err e = store_fs_read_file(store_fs_posix(), path, FILE_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        buf_printf(&changes->cli->why, "%s cannot be read: %s", path, err_text(e));
    } else {
        e = settings_file_read(buf_slice(&text), &sink);
    }
    buf_fini(&text);
    return e == ERR_NONE;
}

static bool is_good_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && strchr("._-", c) == NULL) {
            return false;
        }
    }
    return true;
}

static bool read_changes(struct changes *changes)
{
    struct cli *cli = changes->cli;
    const char *path = args_text(&cli->args, "add-config-file");
    const char *added = args_text(&cli->args, "add-config");
    if (path != NULL && !read_file(changes, path)) {
        return false;
    }
    if (added != NULL && !read_added(changes, slice_str(added))) {
        buf_put_str(&cli->why, "requirement failed: Invalid entity config: all configs to be added "
                               "must be in the format \"key=val\" or  "
                               "\"key=[val1,val2]\" to group values which contain commas.");
        return false;
    }
    for (int32_t i = 0; i < changes->count; i++) {
        if (!is_good_name(changes->items[i].name)) {
            buf_printf(&cli->why, "Invalid character found for config key: %.*s",
                       SLICE_ARG(changes->items[i].name));
            return false;
        }
    }
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "delete-config", &at)) != NULL) {
        struct slice rest = slice_str(text);
        struct slice name;
        while (args_item(&rest, ',', &name)) {
            add_change(changes, trim(name), CONFIGS_DELETE, SLICE_NULL);
        }
    }
    return true;
}

/* Only what was set can be deleted. False: the sentence is in cli->why. */
static bool check_deleted(struct configs_tool *tool, const struct changes *changes,
                          const struct wire_describe_configs_response_results *now)
{
    struct buf *why = &tool->cli->why;
    buf_reset(why);
    for (int32_t i = 0; i < changes->count; i++) {
        bool is_set = changes->items[i].operation != CONFIGS_DELETE;
        for (int32_t k = 0; k < now->configs_count && !is_set; k++) {
            is_set =
                slice_eq(now->configs[k].name, changes->items[i].name) &&
                now->configs[k].config_source == configs_tool_source(tool, slice_str(tool->name));
        }
        if (!is_set) {
            buf_printf(why, "%s%.*s", why->len == 0 ? "Invalid config(s): " : ",",
                       SLICE_ARG(changes->items[i].name));
        }
    }
    return why->len == 0;
}

enum cli_exit configs_tool_alter(struct configs_tool *tool)
{
    struct cli *cli = tool->cli;
    struct slice name = slice_str(tool->name);
    struct buf call = cli->why; /* for configs_tool_fail() */
    cli->why = (struct buf){0};
    struct changes changes = {.cli = cli};
    const struct wire_describe_configs_response_results *now = NULL;
    enum cli_exit code = CLI_OK;
    if (!read_changes(&changes)) {
        code = tool_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
        buf_fini(&call);
        return code;
    }
    enum err e = configs_tool_ask(tool, name, false, &now);
    if (e == ERR_NONE && !check_deleted(tool, &changes, now)) {
        code = tool_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
        buf_fini(&call);
        return code;
    }
    buf_fini(&cli->why);
    cli->why = call;
    struct admin_result result = {e, now == NULL ? SLICE_NULL : now->error_message};
    if (e == ERR_NONE) {
        struct configs_changes request = {
            .resource = {tool->kind->type, name}, .items = changes.items, .count = changes.count};
        e = configs_alter(tool->cluster.client, &request, &result);
    }
    if (e != ERR_NONE) {
        return configs_tool_fail(tool, e, result.message);
    }
    if (name.len > 0) {
        printf("Completed updating config for %.*s %s.\n",
               SLICE_ARG(configs_tool_singular(tool->kind)), tool->name);
    } else {
        printf("Completed updating default config for %s in the cluster.\n", tool->kind->name);
    }
    return CLI_OK;
}
