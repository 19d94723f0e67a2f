// What the clients in Go share: run.py puts this file beside each main.go. The steps are those of
// README.md.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	partitions = 6
	count      = 3000
	more       = 600
)

var base = time.Now().Add(-time.Hour).Truncate(time.Millisecond)

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func check(ok bool, format string, args ...any) {
	if !ok {
		fmt.Fprintf(os.Stderr, "differs: "+format+"\n", args...)
		os.Exit(1)
	}
}

// await asks again while brokers have yet to learn of a change.
func await(what string, condition func() bool) {
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		check(time.Now().Before(deadline), "%s", what)
		time.Sleep(10 * time.Millisecond)
	}
}

func key(i int) string    { return "k" + strconv.Itoa(i) }
func value(i int) string  { return "v" + strconv.Itoa(i) }
func header(i int) string { return strconv.Itoa(i) }
func at(i int) time.Time  { return base.Add(time.Duration(i) * time.Second) }

// number compares a record that was read with the one written; headers are the values.
func number(k, v []byte, headers []string, when time.Time) int {
	i, err := strconv.Atoi(strings.TrimPrefix(string(k), "k"))
	must(err, "key")
	check(string(v) == value(i), "value %s of key %d", v, i)
	check(len(headers) == 1 && headers[0] == header(i), "headers of %d", i)
	check(when.Equal(at(i)), "time of %d", i)
	return i
}

type client interface {
	create()
	write(from, n int)
	readTwo()
	comeBack()
	byTime()
	remove()
}

func walk(c client) {
	c.create()
	c.write(0, count)
	c.readTwo()
	c.comeBack()
	c.byTime()
	c.remove()
	fmt.Println("deleted")
}

// newName is of a topic that no earlier run used.
func newName(client string) string {
	return fmt.Sprintf("%s-%d", client, time.Now().UnixNano())
}
