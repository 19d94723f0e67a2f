/* libevent, with its structures, so that events can be embedded. Private to net/os/.
 *
 * Its header borrows the macro LIST_ENTRY from BSD, which has another meaning here. */
#ifndef NET_OS_EVENT_LIB_H
#define NET_OS_EVENT_LIB_H

#pragma push_macro("LIST_ENTRY")
#undef LIST_ENTRY
#include <event2/event.h>
#include <event2/event_struct.h>
#pragma pop_macro("LIST_ENTRY")

#endif
