/* The network floor: event loops, listeners, Kafka requests served, Kafka requests sent.
 *
 *   loop.h     a loop: time, timers, tasks, blocking work on threads, signals, memory budget
 *   conn.h     what the user of a connection may know about it
 *   server.h   listeners and the dispatch of requests; how a request is answered
 *   client.h   one logical connection to a node, with calls that time out
 *
 * Threading: a loop belongs to the thread that runs it. Everything here is called on the thread of
 * the loop that owns the object, except where a function says "any thread". Before net_loop_run()
 * the creating thread counts as the loop's.
 *
 * What net/ asks of the operating system is in net/os/, so that a simulated system can take its
 * place at link time. All time comes from the loop. */
#ifndef NET_NET_H
#define NET_NET_H

#include "net/client.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/server.h"

#endif
