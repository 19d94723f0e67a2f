// kafkajs against a cluster: see ../README.md.
const { Kafka, ConfigResourceTypes, logLevel } = require('kafkajs')

const PARTITIONS = 6
const COUNT = 3000
const MORE = 600
const base = Date.now() - 3600000

const brokers = process.argv[2].split(',')
const kafka = new Kafka({ clientId: 'craft', brokers, logLevel: logLevel.ERROR })
const admin = kafka.admin()
const topic = `kafkajs-${Date.now()}-${process.pid}`
const groupId = `g-${topic}`

function check(ok, text) {
  if (!ok) throw new Error(`differs: ${text}`)
}

async function waitFor(condition, what, seconds = 60) {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    check(Date.now() < deadline, what())
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

async function create() {
  await admin.createTopics({
    topics: [{ topic, numPartitions: PARTITIONS / 2, replicationFactor: 3 }]
  })
  await admin.createPartitions({ topicPartitions: [{ topic, count: PARTITIONS }] })
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  await admin.alterConfigs({
    resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '86400000' }] }]
  })
  await waitFor(async () => {
    const { resources } = await admin.describeConfigs({
      resources: [{ ...resource, configNames: ['retention.ms'] }]
    })
    return resources[0].configEntries[0].configValue === '86400000'
  }, () => 'retention.ms is not altered', 20)
  let found = 0
  await waitFor(async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    found = topics[0].partitions.length
    return found === PARTITIONS
  }, () => `${found} partitions`)
  console.log('created, altered and described', topic)
}

async function write(from, n) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = []
  for (let i = from; i < from + n; i++) {
    messages.push({
      key: `k${i}`, value: `v${i}`, timestamp: `${base + i * 1000}`, headers: { n: `${i}` }
    })
  }
  await producer.send({ topic, acks: -1, messages })
  await producer.disconnect()
  console.log('wrote', n)
}

function note(seen, message) {
  const i = Number(message.key.toString().slice(1))
  check(message.value.toString() === `v${i}`, `value of ${i}`)
  check(message.headers.n.toString() === `${i}`, `headers of ${i}`)
  check(Number(message.timestamp) === base + i * 1000, `time of ${i}`)
  seen.set(i, (seen.get(i) || 0) + 1)
}

// The sum over all partitions.
async function committed() {
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return partitions.reduce((sum, p) => sum + Number(p.offset), 0)
}

async function join(seen) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 500,
    eachMessage: async ({ message }) => note(seen, message)
  })
  return consumer
}

async function group() {
  const seen = new Map()
  const a = await join(seen)
  const b = await join(seen)
  await waitFor(() => seen.size === COUNT, () => `${seen.size} of ${COUNT} records were read`)
  await waitFor(async () => {
    const { groups } = await admin.describeGroups([groupId])
    return groups[0].members.length === 2 && groups[0].state === 'Stable'
  }, () => 'the group has not two members')
  await b.disconnect()
  await write(COUNT, MORE)
  await waitFor(() => seen.size === COUNT + MORE, () => `${seen.size} records were read by one`)
  // A rebalance takes a reader back to what is committed: that counts.
  await waitFor(async () => (await committed()) === COUNT + MORE, () => 'not all is committed')
  await a.disconnect()
  console.log('read', seen.size, 'in a group')
}

async function comeBack() {
  check((await committed()) === COUNT + MORE, `${await committed()} committed`)
  const seen = new Map()
  const consumer = await join(seen)
  await write(COUNT + MORE, 1)
  await waitFor(() => seen.size > 0, () => 'nothing was read after coming back')
  await consumer.disconnect()
  check(seen.size === 1 && seen.get(COUNT + MORE) === 1, `${seen.size} were read again`)
  console.log('came back')
}

async function byTime() {
  const starts = await admin.fetchTopicOffsetsByTimestamp(topic, base + 1000 * 1000)
  const seen = new Map()
  const consumer = kafka.consumer({ groupId: `${groupId}-time` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: false })
  await consumer.run({ eachMessage: async ({ message }) => note(seen, message) })
  for (const { partition, offset } of starts) consumer.seek({ topic, partition, offset })
  const want = COUNT + MORE + 1 - 1000
  await waitFor(() => seen.size === want, () => `${seen.size} of ${want} were read by time`)
  for (const i of seen.keys()) check(i >= 1000, `record ${i} is from before the time asked for`)
  await consumer.disconnect()
  console.log('read by time')
}

async function main() {
  await admin.connect()
  await create()
  await write(0, COUNT)
  await group()
  await comeBack()
  await byTime()
  await admin.deleteGroups([groupId, `${groupId}-time`])
  await admin.deleteTopics({ topics: [topic] })
  console.log('deleted')
  await admin.disconnect()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
