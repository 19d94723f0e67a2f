// sarama against a cluster: see ../README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

type world struct {
	brokers []string
	topic   string
	group   string
	config  *sarama.Config
	admin   sarama.ClusterAdmin
}

func (w *world) create() {
	detail := &sarama.TopicDetail{NumPartitions: partitions / 2, ReplicationFactor: 3}
	must(w.admin.CreateTopic(w.topic, detail, false), "create topic")
	must(w.admin.CreatePartitions(w.topic, partitions, nil, false), "create partitions")
	day := "86400000"
	must(w.admin.IncrementalAlterConfig(sarama.TopicResource, w.topic,
		map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &day},
		}, false), "alter configs")
	await("retention.ms is not altered", func() bool {
		entries, err := w.admin.DescribeConfig(sarama.ConfigResource{
			Type: sarama.TopicResource, Name: w.topic, ConfigNames: []string{"retention.ms"}})
		must(err, "describe configs")
		return len(entries) == 1 && entries[0].Value == day
	})
	await("partitions are missing", func() bool {
		topics, err := w.admin.DescribeTopics([]string{w.topic})
		must(err, "describe topics")
		return len(topics[0].Partitions) == partitions
	})
	fmt.Println("created, altered and described", w.topic)
}

func (w *world) write(from, n int) {
	producer, err := sarama.NewSyncProducer(w.brokers, w.config)
	must(err, "producer")
	var messages []*sarama.ProducerMessage
	for i := from; i < from+n; i++ {
		messages = append(messages, &sarama.ProducerMessage{
			Topic:     w.topic,
			Key:       sarama.StringEncoder(key(i)),
			Value:     sarama.StringEncoder(value(i)),
			Timestamp: at(i),
			Headers:   []sarama.RecordHeader{{Key: []byte("n"), Value: []byte(header(i))}},
		})
	}
	must(producer.SendMessages(messages), "produce")
	must(producer.Close(), "close producer")
	fmt.Println("wrote", n)
}

// member reads in the group until it is stopped.
type member struct {
	group  sarama.ConsumerGroup
	cancel context.CancelFunc
	done   sync.WaitGroup
	read   int
	seen   *records
}

type records struct {
	lock sync.Mutex
	seen map[int]int
}

func (r *records) note(m *sarama.ConsumerMessage) {
	var headers []string
	for _, h := range m.Headers {
		headers = append(headers, string(h.Value))
	}
	i := number(m.Key, m.Value, headers, m.Timestamp)
	r.lock.Lock()
	r.seen[i]++
	r.lock.Unlock()
}

func (r *records) await(want int, what string) {
	deadline := time.Now().Add(60 * time.Second)
	for {
		r.lock.Lock()
		n := len(r.seen)
		r.lock.Unlock()
		if n >= want {
			return
		}
		check(time.Now().Before(deadline), "%d of %d records were read: %s", n, want, what)
		time.Sleep(20 * time.Millisecond)
	}
}

func (m *member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for message := range c.Messages() {
		m.seen.note(message)
		s.MarkMessage(message, "")
	}
	return nil
}

func (w *world) join(seen *records) *member {
	group, err := sarama.NewConsumerGroup(w.brokers, w.group, w.config)
	must(err, "group")
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{group: group, cancel: cancel, seen: seen}
	m.done.Add(1)
	go func() {
		defer m.done.Done()
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{w.topic}, m); err != nil && ctx.Err() == nil {
				must(err, "consume")
			}
		}
	}()
	return m
}

func (m *member) leave() {
	m.cancel()
	m.done.Wait()
	must(m.group.Close(), "leave") // commits what is marked
}

func (w *world) awaitMembers(n int) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		groups, err := w.admin.DescribeConsumerGroups([]string{w.group})
		must(err, "describe group")
		if len(groups[0].Members) == n && groups[0].State == "Stable" {
			return
		}
		check(time.Now().Before(deadline), "%d members, %s", len(groups[0].Members), groups[0].State)
		time.Sleep(50 * time.Millisecond)
	}
}

func (w *world) readTwo() {
	seen := &records{seen: map[int]int{}}
	a, b := w.join(seen), w.join(seen)
	seen.await(count, "two members")
	w.awaitMembers(2)
	b.leave()
	w.write(count, more)
	seen.await(count+more, "the member that stayed")
	// A rebalance takes a reader back to what is committed: that counts.
	await("not all is committed", func() bool { return w.committed() == count+more })
	a.leave()
	fmt.Println("read", len(seen.seen), "in a group")
}

// committed is the sum over all partitions.
func (w *world) committed() int64 {
	offsets, err := w.admin.ListConsumerGroupOffsets(w.group, nil)
	must(err, "list offsets of the group")
	total := int64(0)
	for _, block := range offsets.Blocks[w.topic] {
		total += block.Offset
	}
	return total
}

func (w *world) comeBack() {
	check(w.committed() == count+more, "%d committed", w.committed())
	seen := &records{seen: map[int]int{}}
	m := w.join(seen)
	w.write(count+more, 1)
	seen.await(1, "after coming back")
	m.leave()
	check(len(seen.seen) == 1 && seen.seen[count+more] == 1, "%v", seen.seen)
	fmt.Println("came back")
}

func (w *world) byTime() {
	client, err := sarama.NewClient(w.brokers, w.config)
	must(err, "client")
	consumer, err := sarama.NewConsumerFromClient(client)
	must(err, "consumer")
	seen := &records{seen: map[int]int{}}
	for p := int32(0); p < partitions; p++ {
		start, err := client.GetOffset(w.topic, p, at(1000).UnixMilli())
		must(err, "offset by time")
		part, err := consumer.ConsumePartition(w.topic, p, start)
		must(err, "consume partition")
		go func() {
			for message := range part.Messages() {
				seen.note(message)
			}
		}()
	}
	seen.await(count+more+1-1000, "by time")
	for i := range seen.seen {
		check(i >= 1000, "record %d is from before the time asked for", i)
	}
	must(consumer.Close(), "close")
	fmt.Println("read by time")
}

func (w *world) remove() {
	must(w.admin.DeleteConsumerGroup(w.group), "delete group")
	must(w.admin.DeleteTopic(w.topic), "delete topic")
}

func main() {
	name := newName("sarama")
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Producer.Return.Successes = true
	config.Net.MaxOpenRequests = 1 // what sarama asks for with idempotence
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	w := &world{brokers: strings.Split(os.Args[1], ","), topic: name, group: "g-" + name, config: config}
	admin, err := sarama.NewClusterAdmin(w.brokers, config)
	must(err, "admin")
	w.admin = admin
	walk(w)
}
