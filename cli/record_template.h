/* Records printed as a template says, in the words of kcat's -f:
 *
 *     %t topic   %p partition   %o offset   %T timestamp in ms   %h headers (a=1,b=2)
 *     %k key     %K its length  %s value    %S its length        %R its length as 4 bytes
 *     %% a percent sign, and escapes: \n \r \t \0 \\ \xNN
 *
 * The length of null is −1. Pure. */
#ifndef CLI_RECORD_TEMPLATE_H
#define CLI_RECORD_TEMPLATE_H

#include "cli/puller.h"

struct record_template;

/* `null_text` stands for a key, value or value of a header that is null. Both must stay. NULL: the
 * text is no template; a sentence is in `why`. */
struct record_template *record_template_new(const char *text, struct slice null_text,
                                            struct arena *arena, struct buf *why);

void record_template_print(const struct record_template *t, const struct puller_record *record,
                           struct buf *out);

#endif
