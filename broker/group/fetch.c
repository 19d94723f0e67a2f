/* OffsetFetch: what is committed, for one group; and the form of versions below 8. */
#include "broker/group/private.h"

enum { FETCH_V_GROUP_ERROR = 2 }; /* an error of the whole group has a place of its own */

typedef struct wire_offset_fetch_response_groups_topics fetched_topic;
