/* Lines and numbers of the small text files: checkpoints, meta.properties. */
#ifndef STORE_TEXT_H
#define STORE_TEXT_H

#include "base/slice.h"

struct text_lines {
    struct slice rest;
};

static inline struct text_lines text_lines(struct slice content)
{
    return (struct text_lines){content};
}

/* The next line without its end ("\n" or "\r\n"); false at the end of the text. */
bool text_line(struct text_lines *lines, struct slice *line);

/* Takes a word (no blanks in it) from the front of the line, and blanks around it. */
bool text_word(struct slice *line, struct slice *word);

/* Takes a word that is a decimal number of 64 bits; anything else is false. */
bool text_number(struct slice *line, int64_t *out);

/* A whole text that is a number. */
bool text_is_number(struct slice text, int64_t *out);

/* Without blanks at both ends. */
struct slice text_trim(struct slice text);

#endif
