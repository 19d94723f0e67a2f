/* craft completion: the commands and options for a shell, made of the tables. */
#include <stdio.h>

#include "cli/commands.h"

/* ---- what both shells know ---- */

/* The full name of a command. */
static const char *name_of(const struct cli_verb *verb, struct arena *arena)
{
    return verb->name == NULL ? verb->noun : arena_printf(arena, "%s %s", verb->noun, verb->name);
}

/* Its options, each with a blank behind it. */
static void put_options(const struct cli_verb *verb, struct buf *out)
{
    const struct args_option *tables[COMMANDS_TABLES_MAX];
    commands_tables(verb, tables);
    for (const struct args_option *const *table = tables; *table != NULL; table++) {
        for (const struct args_option *row = *table; row->name != NULL; row++) {
            buf_printf(out, "--%.*s ", SLICE_ARG(args_name(row)));
        }
    }
}

/* The words that may follow `prefix` ("", "topic", "partition reassign"). */
static void put_words(struct slice prefix, struct arena *arena, struct buf *out)
{
    struct slice last = SLICE_NULL;
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        struct slice name = slice_str(name_of(*at, arena));
        bool begins = prefix.len == 0 || (name.len > prefix.len && name.data[prefix.len] == ' ' &&
                                          memcmp(name.data, prefix.data, prefix.len) == 0);
        if (!begins) {
            continue;
        }
        size_t start = prefix.len == 0 ? 0 : prefix.len + 1;
        struct slice rest = slice_of(name.data + start, name.len - start);
        struct slice word;
        (void)args_item(&rest, ' ', &word);
        if (!slice_eq(word, last)) {
            buf_printf(out, "%.*s ", SLICE_ARG(word));
        }
        last = word;
    }
}

/* Calls `each` for every beginning of a command that is none itself: "", "topic", …. */
static void each_prefix(struct arena *arena, struct buf *out,
                        void (*each)(struct slice prefix, struct arena *arena, struct buf *out))
{
    struct slice seen[64];
    size_t count = 0;
    each(slice_str(""), arena, out);
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        struct slice name = slice_str(name_of(*at, arena));
        for (size_t i = 0; i < name.len; i++) {
            struct slice prefix = slice_of(name.data, i);
            bool is_new = name.data[i] == ' ' && count < ARRAY_LEN(seen);
            for (size_t k = 0; k < count && is_new; k++) {
                is_new = !slice_eq(seen[k], prefix);
            }
            if (is_new) {
                seen[count++] = prefix;
                each(prefix, arena, out);
            }
        }
    }
}

/* ---- cases of a shell's `case "$path" in` ---- */

static void put_prefix_case(struct slice prefix, struct arena *arena, struct buf *out)
{
    buf_printf(out, "        \"%.*s\") found=\"", SLICE_ARG(prefix));
    put_words(prefix, arena, out);
    buf_put_str(out, "\" ;;\n");
}

static void put_cases(struct arena *arena, struct buf *out)
{
    each_prefix(arena, out, put_prefix_case);
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        buf_printf(out, "        \"%s\") found=\"", name_of(*at, arena));
        put_options(*at, out);
        buf_put_str(out, "\" ;;\n");
    }
}

/* ---- shells ---- */

/* The words behind `craft` up to the first that is an option are the path; a path that is longer
 * than any command is cut until it is one. */
static void put_bash(struct arena *arena, struct buf *out)
{
    buf_put_str(out, "# bash: eval \"$(craft completion bash)\"\n"
                     "_craft_words() {\n"
                     "    local path=$1 found=\"\"\n"
                     "    while :; do\n"
                     "        case \"$path\" in\n");
    put_cases(arena, out);
    buf_put_str(out, "        esac\n"
                     "        if [ -n \"$found\" ] || [ -z \"$path\" ]; then break; fi\n"
                     "        case \"$path\" in *\" \"*) path=${path% *} ;; *) path=\"\" ;; esac\n"
                     "    done\n"
                     "    printf '%s' \"$found\"\n"
                     "}\n"
                     "_craft() {\n"
                     "    local at path=\"\" word=${COMP_WORDS[COMP_CWORD]}\n"
                     "    for ((at = 1; at < COMP_CWORD; at++)); do\n"
                     "        case ${COMP_WORDS[at]} in -*) break ;; esac\n"
                     "        path+=${path:+ }${COMP_WORDS[at]}\n"
                     "    done\n"
                     "    COMPREPLY=($(compgen -W \"$(_craft_words \"$path\")\" -- \"$word\"))\n"
                     "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
                     "}\n"
                     "complete -F _craft craft\n");
}

static void put_zsh(struct arena *arena, struct buf *out)
{
    buf_put_str(out, "#compdef craft\n"
                     "# zsh: eval \"$(craft completion zsh)\"\n"
                     "_craft_words() {\n"
                     "    local path_=$1 found=\"\"\n"
                     "    while :; do\n"
                     "        case \"$path_\" in\n");
    put_cases(arena, out);
    buf_put_str(out, "        esac\n"
                     "        if [[ -n $found || -z $path_ ]]; then break; fi\n"
                     "        case \"$path_\" in *\" \"*) path_=${path_% *} ;; *) path_=\"\" ;; "
                     "esac\n"
                     "    done\n"
                     "    print -rn -- \"$found\"\n"
                     "}\n"
                     "_craft() {\n"
                     "    local at path_=\"\"\n"
                     "    for ((at = 2; at < CURRENT; at++)); do\n"
                     "        [[ ${words[at]} == -* ]] && break\n"
                     "        path_+=${path_:+ }${words[at]}\n"
                     "    done\n"
                     "    compadd -- ${=\"$(_craft_words \"$path_\")\"} || _files\n"
                     "}\n"
                     "compdef _craft craft\n");
}

static enum cli_exit run_completion(struct cli *cli)
{
    const char *shell = cli->args.words[0];
    struct buf out = {0};
    if (strcmp(shell, "bash") == 0) {
        put_bash(&cli->arena, &out);
    } else if (strcmp(shell, "zsh") == 0) {
        put_zsh(&cli->arena, &out);
    } else {
        return cli_misuse(cli, "the shell is bash or zsh, not \"%s\"", shell);
    }
    return cli_print(&out);
}

const struct cli_verb cli_completion = {
    .noun = "completion",
    .words = "bash|zsh",
    .words_min = 1,
    .words_max = 1,
    .about = "Prints what a shell needs to complete commands and options",
    .examples = "eval \"$(craft completion bash)\"\n"
                "craft completion zsh > ~/.zsh/completions/_craft",
    .run = run_completion,
};
