/* The reading side of a stream: how far the bytes read make frames. Private to net/. */
#ifndef NET_INPUT_H
#define NET_INPUT_H

#include "net/frame.h"

struct stream;

enum {
    FRAME_SIZE_BYTES = 4,
    FRAME_LARGE_BYTES = 64 << 10,  /* from here on frames are read into their own buffers */
    FRAME_START_BYTES = 4 << 20,   /* a buffer begins with so much, whatever size is announced */
    FRAME_GROWTH = 4,              /* and has so many times what came */
    READ_AFTER_LARGE_BYTES = 4096, /* enough to see what comes next without copying much of it */
    READ_TURNS_MAX = 8             /* reads of one stream before the others have their turn */
};

struct input {
    uint8_t head[FRAME_SIZE_BYTES]; /* a size that has not come whole */
    uint8_t head_len;
    bool large;            /* the last frame was */
    struct frame_buf *buf; /* the frame in progress, or NULL */
    size_t size;           /* of it */
    size_t have;
    size_t uncharged;       /* bytes of it that came with the budget's pass */
    bool passes;            /* has the pass */
    struct frame_buf *held; /* bytes read that may not be handed over yet, or NULL */
    size_t held_at;
    size_t held_len;
};

enum input_status {
    INPUT_MORE,    /* there may be more to read */
    INPUT_DRAINED, /* the socket has nothing now */
    INPUT_CLOSED   /* the stream is closed */
};

/* One read, and hands over the frames that are complete. */
enum input_status input_read(struct stream *s);

/* Hands over held frames as far as the owner lets it. */
void input_resume(struct stream *s);

/* Frees what is held. */
void input_fini(struct input *in);

#endif
