/* kafka-metadata-quorum add-controller and remove-controller. */
#include <stdio.h>

#include "cli/kafka/metadata_quorum.h"
#include "cli/node_settings.h"
#include "daemon/daemon.h"
#include "metadata/addresses.h"
#include "store/store.h"

/* Asks until the leader has answered for good. True: it is done. */
static bool ask_leader(struct cli *cli, struct client *client, int16_t api, const void *request)
{
    struct quorum quorum;
    struct admin_result result;
    do {
        if (!metadata_quorum_ask(cli, client, &quorum)) {
            return false;
        }
        const void *answer;
        result =
            (struct admin_result){quorum_call(client, &quorum, api, request, &answer), SLICE_NULL};
        if (result.error == ERR_NONE && api == WIRE_API_ADD_RAFT_VOTER) {
            const struct wire_add_raft_voter_response *response = answer;
            result = (struct admin_result){(enum err)response->error_code, response->error_message};
        } else if (result.error == ERR_NONE) {
            const struct wire_remove_raft_voter_response *response = answer;
            result = (struct admin_result){(enum err)response->error_code, response->error_message};
        }
    } while (admin_retry(client, result.error));
    if (result.error != ERR_NONE) {
        tool_fail(cli, "%s", tool_sentence(cli, client, &result));
    }
    return result.error == ERR_NONE;
}

/* ---- remove-controller ---- */

static bool read_directory_id(struct cli *cli, struct uuid *out)
{
    enum { TEXT_MAX = 24 }; /* longer texts are not even looked at */
    const char *text = args_text(&cli->args, "controller-directory-id");
    const char *about = "Failed to parse --controller-directory-id:";
    size_t len = strlen(text);
    if (uuid_parse(slice_str(text), out)) {
        return true;
    }
    if (len > TEXT_MAX) {
        tool_fail(cli,
                  "%s Input string with prefix `%.*s` is too long to be decoded as a base64 UUID",
                  about, TEXT_MAX, text);
    } else {
        tool_fail(cli,
                  "%s Input string `%s` decoded as %zu bytes, which is not equal to the expected "
                  "16 bytes of a base64-encoded UUID",
                  about, text, len * 3 / 4);
    }
    return false;
}

enum cli_exit metadata_quorum_remove(struct cli *cli, struct client *client)
{
    struct wire_remove_raft_voter_request request;
    wire_init(&wire_msg_remove_raft_voter_request, &request);
    request.cluster_id = SLICE_NULL;
    if (!tool_int(cli, "controller-id", &request.voter_id)) {
        return tool_misuse(cli, "%sargument --controller-id/-i: could not convert '%s' to Integer",
                           cli->verb->more, args_text(&cli->args, "controller-id"));
    }
    if (request.voter_id < 0) {
        return tool_fail(cli, "Invalid negative --controller-id: %" PRId32, request.voter_id);
    }
    bool is_dry = tool_has(cli, "dry-run");
    if (!read_directory_id(cli, &request.voter_directory_id) ||
        (!is_dry && !ask_leader(cli, client, WIRE_API_REMOVE_RAFT_VOTER, &request))) {
        return CLI_FAILED;
    }
    printf("%s KRaft controller %" PRId32 " with directory id %s\n",
           is_dry ? "DRY RUN of removing " : "Removed ", request.voter_id,
           uuid_text(request.voter_directory_id).text);
    return CLI_OK;
}

/* ---- add-controller ---- */

/* What is to be added, as its own settings say. */
static enum err read_node(struct cli *cli, const struct settings *settings,
                          struct wire_add_raft_voter_request *out)
{
    const char *about = "Is this a valid controller configuration file?";
    char **roles = settings_list(settings, "process.roles", &cli->arena);
    if (!settings_is_set(settings, "node.id")) {
        buf_printf(&cli->why, "node.id not found in configuration file. %s", about);
        return ERR_CONFIG;
    }
    out->voter_id = settings_int(settings, "node.id");
    if (!metadata_names_contain(roles, "controller")) {
        buf_printf(&cli->why,
                   "process.roles did not contain 'controller' in configuration file. %s", about);
        return ERR_CONFIG;
    }
    if (!settings_is_set(settings, "metadata.log.dir") && !settings_is_set(settings, "log.dirs")) {
        buf_printf(&cli->why, "Neither metadata.log.dir nor log.dirs were found. %s", about);
        return ERR_CONFIG;
    }
    if (!settings_is_set(settings, "controller.listener.names")) {
        buf_printf(&cli->why, "controller.listener.names was not found. %s", about);
        return ERR_CONFIG;
    }
    const char *dir = daemon_metadata_dir(settings, &cli->arena);
    struct store_meta meta = {0};
    struct store_error why = {""};
    enum err e = store_meta_read(store_fs_posix(), dir, &meta, &why);
    if (e != ERR_NONE) {
        buf_printf(&cli->why, "Unable to read meta.properties from %s%s%s", dir,
                   why.text[0] == '\0' ? "" : ": ", why.text);
    } else if (uuid_is_zero(meta.directory_id)) {
        buf_printf(&cli->why, "No directory id found in %s", dir);
        e = ERR_CONFIG;
    }
    out->voter_directory_id = meta.directory_id;
    store_meta_fini(&meta);
    return e;
}

static enum err read_endpoints(struct cli *cli, const struct settings *settings,
                               struct wire_add_raft_voter_request *out)
{
    struct metadata_listener *listeners;
    int count;
    TRY(metadata_listeners_read(settings, &cli->arena, &listeners, &count, &cli->why));
    char **names = settings_list(settings, "controller.listener.names", &cli->arena);
    out->listeners =
        ARENA_ARRAY(&cli->arena, (size_t)count, struct wire_add_raft_voter_request_listeners);
    for (char **name = names; *name != NULL; name++) {
        const struct metadata_listener *found = NULL;
        for (int i = 0; i < count; i++) {
            found = strcmp(listeners[i].name, *name) == 0 ? &listeners[i] : found;
        }
        if (found == NULL || out->listeners_count == count) {
            buf_printf(&cli->why, "Cannot find information about controller listener name: %s",
                       *name);
            return ERR_CONFIG;
        }
        const char *host = found->advertised.host;
        out->listeners[out->listeners_count++] = (struct wire_add_raft_voter_request_listeners){
            slice_str(found->name), slice_str(host[0] == '\0' ? "localhost" : host),
            (uint16_t)found->advertised.port};
    }
    return ERR_NONE;
}

static enum cli_exit add(struct cli *cli, struct client *client,
                         struct wire_add_raft_voter_request *request)
{
    bool is_dry = tool_has(cli, "dry-run");
    request->timeout_ms = (int32_t)client_left_ms(client);
    if (!is_dry && !ask_leader(cli, client, WIRE_API_ADD_RAFT_VOTER, request)) {
        return CLI_FAILED;
    }
    struct buf out = {0};
    buf_printf(&out, "%s controller %" PRId32 " with directory id %s and endpoints: ",
               is_dry ? "DRY RUN of adding" : "Added", request->voter_id,
               uuid_text(request->voter_directory_id).text);
    for (int32_t i = 0; i < request->listeners_count; i++) {
        buf_put_str(&out, i == 0 ? "" : ", ");
        metadata_quorum_put_endpoint(&out, request->listeners[i].name, request->listeners[i].host,
                                     request->listeners[i].port);
    }
    buf_put_str(&out, "\n");
    return cli_print(&out);
}

enum cli_exit metadata_quorum_add(struct cli *cli, struct client *client)
{
    const char *path = args_text(&cli->args, "command-config");
    if (path == NULL) {
        return tool_fail(cli, "You must supply the configuration file of the controller you are "
                              "adding when using add-controller.");
    }
    struct wire_add_raft_voter_request request;
    wire_init(&wire_msg_add_raft_voter_request, &request);
    request.cluster_id = SLICE_NULL;
    struct settings *settings = settings_new();
    enum err e = node_settings_load(cli, path, settings);
    e = e == ERR_NONE ? read_node(cli, settings, &request) : e;
    e = e == ERR_NONE ? read_endpoints(cli, settings, &request) : e;
    enum cli_exit code = e == ERR_NONE ? add(cli, client, &request)
                                       : tool_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    settings_free(settings);
    return code;
}
