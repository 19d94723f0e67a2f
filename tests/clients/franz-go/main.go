// franz-go against a cluster: see ../README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type world struct {
	ctx     context.Context
	seeds   []string
	topic   string
	group   string
	admin   *kadm.Client
	options []kgo.Opt // of group members
}

func (w *world) client(options ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(w.seeds...)}, options...)...)
	must(err, "client")
	return cl
}

func (w *world) create() {
	_, err := w.admin.CreateTopic(w.ctx, partitions/2, 3, nil, w.topic)
	must(err, "create topic")
	_, err = w.admin.CreatePartitions(w.ctx, partitions/2, w.topic)
	must(err, "create partitions")
	day := "86400000"
	changes := []kadm.AlterConfig{{Name: "retention.ms", Value: &day}}
	altered, err := w.admin.AlterTopicConfigs(w.ctx, changes, w.topic)
	must(err, "alter configs")
	must(altered[0].Err, "alter configs")
	await("retention.ms is not altered", func() bool {
		configs, err := w.admin.DescribeTopicConfigs(w.ctx, w.topic)
		must(err, "describe configs")
		for _, config := range configs[0].Configs {
			if config.Key == "retention.ms" && config.MaybeValue() == day {
				return true
			}
		}
		return false
	})
	await("partitions are missing", func() bool {
		listed, err := w.admin.ListTopics(w.ctx, w.topic)
		must(err, "list topics")
		return len(listed[w.topic].Partitions) == partitions
	})
	fmt.Println("created, altered and described", w.topic)
}

func (w *world) write(from, n int) {
	cl := w.client(kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	defer cl.Close()
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		records = append(records, &kgo.Record{
			Topic:     w.topic,
			Key:       []byte(key(i)),
			Value:     []byte(value(i)),
			Timestamp: at(i),
			Headers:   []kgo.RecordHeader{{Key: "n", Value: []byte(header(i))}},
		})
	}
	must(cl.ProduceSync(w.ctx, records...).FirstErr(), "produce")
	fmt.Println("wrote", n)
}

func (w *world) member() *kgo.Client {
	return w.client(w.options...)
}

// poll takes what there is within a moment and notes it.
func poll(w *world, cl *kgo.Client, seen map[int]int) int {
	ctx, cancel := context.WithTimeout(w.ctx, 200*time.Millisecond)
	defer cancel()
	fetches := cl.PollFetches(ctx)
	n := 0
	fetches.EachRecord(func(r *kgo.Record) {
		var headers []string
		for _, h := range r.Headers {
			headers = append(headers, string(h.Value))
		}
		seen[number(r.Key, r.Value, headers, r.Timestamp)]++
		n++
	})
	return n
}

func complete(seen map[int]int, want int) bool {
	for i := 0; i < want; i++ {
		if seen[i] == 0 {
			return false
		}
	}
	return true
}

func (w *world) readTwo() {
	seen := map[int]int{}
	a, b := w.member(), w.member()
	deadline := time.Now().Add(60 * time.Second)
	fromA, fromB := 0, 0
	for !complete(seen, count) {
		check(time.Now().Before(deadline), "%d of %d records were read", len(seen), count)
		fromA += poll(w, a, seen)
		fromB += poll(w, b, seen)
	}
	must(a.CommitUncommittedOffsets(w.ctx), "commit")
	must(b.CommitUncommittedOffsets(w.ctx), "commit")
	members := func() int {
		groups, err := w.admin.DescribeGroups(w.ctx, w.group)
		must(err, "describe group")
		return len(groups[w.group].Members)
	}
	for members() != 2 {
		check(time.Now().Before(deadline), "the group has not two members")
		poll(w, a, seen)
		poll(w, b, seen)
	}
	b.Close()
	w.write(count, more)
	// A rebalance takes a reader back to what is committed: that counts.
	for !complete(seen, count+more) || w.committed() != count+more {
		check(time.Now().Before(deadline), "%d records were read by the member that stayed", len(seen))
		poll(w, a, seen)
		must(a.CommitUncommittedOffsets(w.ctx), "commit")
	}
	a.Close()
	fmt.Println("read", len(seen), "in a group:", fromA, "and", fromB)
}

// committed is the sum over all partitions.
func (w *world) committed() int64 {
	offsets, err := w.admin.FetchOffsets(w.ctx, w.group)
	must(err, "fetch offsets")
	total := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { total += o.At })
	return total
}

func (w *world) comeBack() {
	check(w.committed() == count+more, "%d committed", w.committed())
	seen := map[int]int{}
	cl := w.member()
	w.write(count+more, 1)
	deadline := time.Now().Add(30 * time.Second)
	for len(seen) == 0 {
		check(time.Now().Before(deadline), "nothing was read after coming back")
		poll(w, cl, seen)
	}
	check(len(seen) == 1 && seen[count+more] == 1, "%d records were read again", len(seen)-1)
	must(cl.CommitUncommittedOffsets(w.ctx), "commit")
	cl.Close()
	fmt.Println("came back")
}

func (w *world) byTime() {
	offsets, err := w.admin.ListOffsetsAfterMilli(w.ctx, at(1000).UnixMilli(), w.topic)
	must(err, "list offsets")
	starts := map[string]map[int32]kgo.Offset{w.topic: {}}
	offsets.Each(func(o kadm.ListedOffset) {
		must(o.Err, "list offsets")
		starts[w.topic][o.Partition] = kgo.NewOffset().At(o.Offset)
	})
	cl := w.client(kgo.ConsumePartitions(starts))
	defer cl.Close()
	want := count + more + 1 - 1000
	seen := map[int]int{}
	deadline := time.Now().Add(30 * time.Second)
	for len(seen) < want {
		check(time.Now().Before(deadline), "%d of %d records were read by time", len(seen), want)
		poll(w, cl, seen)
	}
	for i := range seen {
		check(i >= 1000, "record %d is from before the time asked for", i)
	}
	fmt.Println("read by time")
}

func (w *world) remove() {
	deleted, err := w.admin.DeleteGroups(w.ctx, w.group)
	must(err, "delete group")
	must(deleted[w.group].Err, "delete group")
	topics, err := w.admin.DeleteTopics(w.ctx, w.topic)
	must(err, "delete topic")
	must(topics[w.topic].Err, "delete topic")
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
	defer cancel()
	name := newName("franz")
	w := &world{ctx: ctx, seeds: strings.Split(os.Args[1], ","), topic: name, group: "g-" + name}
	w.options = []kgo.Opt{
		kgo.ConsumeTopics(w.topic), kgo.ConsumerGroup(w.group), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond),
	}
	w.admin = kadm.NewClient(w.client())
	walk(w)
}
