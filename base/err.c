/* Lookups in the error table. */
#include "base/err.h"

struct err_info {
    enum err err;
    int16_t wire;
    enum err_class class;
    const char *name;
    const char *text;
};

static const struct err_info table[] = {
#define ERR_ROW(name, value, wire, class, text) {ERR_##name, wire, ERR_CLASS_##class, #name, text},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

/* Unknown codes (a newer peer's) read as UNKNOWN_SERVER_ERROR, the table's first row. */
static const struct err_info *find(enum err e)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].err == e) {
            return &table[i];
        }
    }
    return &table[0];
}

const char *err_name(enum err e)
{
    return find(e)->name;
}

const char *err_text(enum err e)
{
    return find(e)->text;
}

int16_t err_wire(enum err e)
{
    return find(e)->wire;
}

enum err_class err_class(enum err e)
{
    return find(e)->class;
}
