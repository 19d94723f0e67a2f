"""kafka-console-producer and kafka-console-consumer."""
from names.hooks import committed, topic_with
from names.steps import SERVER, Step

SERIALIZATION = "org.apache.kafka.common.serialization"
FORMATTERS = "org.apache.kafka.tools.consumer"


def produce(*args, text="", **options):
    return Step("kafka-console-producer", [*SERVER, *args], text=text, **options)


def consume(*args, **options):
    return Step("kafka-console-consumer", [*SERVER, *args], **options)


def read(topic, count, *args, **options):
    """What is in a topic with one partition."""
    return consume("--topic", f"{{t}}-{topic}", "--from-beginning", "--max-messages", str(count),
                   *args, says=True, **options)


def parse(*properties):
    return [word for text in properties for word in ("--property", text)]


KEYS = parse("parse.key=true", "key.separator=:")
HEADERS = parse("parse.headers=true", "parse.key=true")
SHOWN = parse("print.timestamp=true", "print.partition=true", "print.offset=true",
              "print.headers=true", "print.key=true")
# Of all offsets, which stand in one line, that of one group.
KEPT = (r'.*(\{"key":\{"type":1,"data":\{"group":"alpha-kept"[^}]*\}\},"value":\{"version":\d+,'
        r'"data":\{[^}]*\}\}\}).*', r"\1")
PRODUCER = [
    # What makes no sense.
    produce("--nonsense", says=True),
    produce(says=True),
    Step("kafka-console-producer", "--topic x", says=True),
    Step("kafka-console-producer", "--topic x --bootstrap-server nowhere", says=True),
    produce("--topic", "x", "--batch-size", "x", says=True),
    produce("--topic", "x", "--batch-size", "-1"),
    produce("--topic", "x", "--timeout", "-1"),
    produce("--topic", "x", "--message-send-max-retries", "-1"),
    produce("--topic", "x", "--topic", "y", says=True),
    produce("--topic", "x", "--compression-codec", "rar"),
    produce("--topic", "x", "--request-required-acks", "7"),
    produce("--topic", "x", "--producer-property", "linger.ms=x"),
    produce("--topic", "x", "--line-reader", "org.example.Nothing"),
    produce("--topic", "x", "--producer.config", "{dir}/missing"),
    produce("--topic", "x", *parse("null.marker=,")),
    produce("--topic", "x", *parse("headers.separator=:")),
    produce("--topic", "x", *parse("headers.delimiter=,")),
    # Nothing to write; and a topic that cannot be.
    produce("--topic", "{t}-empty", "ignored"),
    produce("--topic", "{t}-no blank", text="x\n"),
    # Lines.
    produce("--topic", "{t}-lines", text="one\n\nthree\r\nfour\rfive\nsix",
            before=topic_with("lines", 1, 0)),
    read("lines", 6),
    produce("--topic", "{t}-lines", "--sync", "--compression-codec", "--batch-size", "100",
            text="seven\neight\n"),
    produce("--topic", "{t}-lines", "--compression-codec", "zstd", "--request-required-acks", "1",
            "--producer-property", "client.id=x", "--message-send-max-retries", "5", "--timeout",
            "10", text="nine\n"),
    produce("--topic", "{t}-lines", "--producer.config", "{file}", "--request-required-acks", "0",
            text="ten\n", files={"file": "acks=all\nlinger.ms=1\n"}),
    read("lines", 10),
    # Keys.
    produce("--topic", "{t}-keys", *KEYS, text="a:1\n:2\nc:\nd:e:f\n",
            before=topic_with("keys", 1, 0)),
    produce("--topic", "{t}-keys", *KEYS, text="g:3\nnothing\nh:4\n"),
    produce("--topic", "{t}-keys", *KEYS, *parse("ignore.error=true"), text="nothing\nh:4\n"),
    produce("--topic", "{t}-keys", *KEYS, *parse("null.marker=NIL"),
            text="NIL:NIL\ni:NIL\nNIL:5\nNILS:NIL5\n"),
    produce("--topic", "{t}-keys", "--reader-config", "{file}", *parse("key.separator=>"),
            text="j>6\n", files={"file": "parse.key=true\nkey.separator=|\n"}),
    read("keys", 12, *parse("print.key=true", "key.separator==>")),
    # Headers.
    produce("--topic", "{t}-headers", *HEADERS, before=topic_with("headers", 1, 0),
            text="h1:v1,h2:v2\tk\tv\nh:\tk\tv\n:v\tk\tv\nh:v,,\t\t\nh:a:b\tk\tv\tw\n"),
    produce("--topic", "{t}-headers", *HEADERS, text="h\tk\tv\n"),
    produce("--topic", "{t}-headers", *HEADERS, text="h:1,,i:2\tk\tv\n"),
    produce("--topic", "{t}-headers", *HEADERS, text="h:1\tk\n"),
    produce("--topic", "{t}-headers", *HEADERS, *parse("ignore.error=true"),
            text="h\tk\tv\nh:1,,i:2\tk\tv\nh:1\tk\nv\n\t\t\n"),
    produce("--topic", "{t}-headers", *HEADERS, *parse("null.marker=NIL"),
            text="NIL\tk\tv\nh:NIL,i:j\tNIL\tNIL\n"),
    produce("--topic", "{t}-headers", *HEADERS, *parse("null.marker=NIL"),
            text="NIL:v\tk\tv\n"),
    produce("--topic", "{t}-headers", *parse("parse.headers=true", "headers.delimiter=|",
                                             "headers.separator=;", "headers.key.separator=="),
            text="a=1;b=2|v\n|v\n"),
    produce("--topic", "{t}-headers", *parse("parse.headers=true", "headers.delimiter=|",
                                             "headers.separator=;", "headers.key.separator=="),
            text="a=1;b=2|v\n"),
    read("headers", 13, *parse("print.headers=true", "print.key=true")),
    read("headers", 3, *parse("print.headers=true", "headers.separator= + ", "null.literal=-",
                              "key.separator= / ", "line.separator=;")),
    # Many, by key: the partitions are those of Kafka's partitioner.
    produce("--topic", "{t}-many", *KEYS, text="".join(f"k{n}:{n}\n" for n in range(50)),
            before=topic_with("many", 5, 0)),
    *[consume("--topic", "{t}-many", "--partition", str(partition), "--from-beginning",
              "--timeout-ms", "4000", *parse("print.key=true"), says=True)
      for partition in range(2)],
    # Too large for a topic.
    produce("--topic", "{t}-lines", "--sync", text="x" * 2000000 + "\n"),
]
CONSUMER = [
    # What makes no sense.
    consume("--nonsense", says=True),
    consume(says=True),
    Step("kafka-console-consumer", "--topic x", says=True),
    consume("--topic", "x", "--include", "y", says=True),
    consume("--include", "y", "--partition", "0", says=True),
    consume("--topic", "x", "--offset", "3", says=True),
    consume("--topic", "x", "--partition", "0", "--offset", "3", "--from-beginning", says=True),
    consume("--topic", "x", "--partition", "0", "--offset", "-3", says=True),
    consume("--topic", "x", "--partition", "0", "--offset", "soon", says=True),
    consume("--topic", "x", "--partition", "0", "--group", "g", says=True),
    consume("--topic", "x", "--partition", "x"),
    consume("--topic", "x", "--timeout-ms", "x"),
    consume("--topic", "x", "--max-messages", "x"),
    consume("--topic", "x", "--isolation-level", "x"),
    consume("--topic", "x", "--group", "g", "--consumer-property", "group.id=h", says=True),
    consume("--topic", "x", "--from-beginning", "--consumer-property", "auto.offset.reset=latest",
            says=True),
    consume("--topic", "x", "--consumer-property", "auto.offset.reset=soon"),
    consume("--topic", "x", "--consumer-property", "fetch.min.bytes=x"),
    consume("--topic", "x", "--consumer-property", "enable.auto.commit=maybe"),
    consume("--topic", "x", "--consumer-property", "max.poll.records=0"),
    consume("--topic", "x", "--group", ""),
    consume("--topic", "x", "--formatter", "org.example.Nothing"),
    consume("--topic", "x", "--consumer.config", "{dir}/missing"),
    consume("--include", "["),
    # Where to begin, where to end.
    consume("--topic", "{t}-ten", "--from-beginning", "--max-messages", "4", says=True,
            before=topic_with("ten", 1, 10)),
    consume("--topic", "{t}-ten", "--from-beginning", "--max-messages", "0", says=True),
    consume("--topic", "{t}-ten", "--from-beginning", "--timeout-ms", "5000", says=True),
    consume("--topic", "{t}-ten", "--timeout-ms", "2000", says=True),
    consume("--topic", "{t}-ten", "--partition", "0", "--timeout-ms", "2000", says=True),
    consume("--topic", "{t}-ten", "--partition", "0", "--offset", "7", "--max-messages", "2",
            says=True),
    consume("--topic", "{t}-ten", "--partition", "0", "--offset", "earliest", "--max-messages",
            "1", says=True),
    consume("--topic", "{t}-ten", "--partition", "0", "--offset", "LATEST", "--timeout-ms",
            "2000", says=True),
    consume("--topic", "{t}-ten", "--partition", "0", "--offset", "99", "--timeout-ms", "3000",
            says=True),
    consume("--topic", "{t}-ten", "--partition", "0", "--offset", "99", "--max-messages", "3",
            "--consumer-property", "auto.offset.reset=earliest", says=True),
    consume("--topic", "{t}-ten", "--partition", "7", "--timeout-ms", "2000", says=True),
    consume("--topic", "{t}-ten", "--from-beginning", "--max-messages", "2",
            "--isolation-level", "read_committed", "--enable-systest-events", says=True),
    consume("--topic", "{t}-no blank", "--from-beginning", "--timeout-ms", "5000", says=True),
    consume("--include", "{t}-te[nm]", "--from-beginning", "--max-messages", "10", says=True),
    consume("--include", "{t}-nothing.*", "--from-beginning", "--timeout-ms", "5000", says=True),
    # What is printed.
    read("ten", 2, *SHOWN),
    read("ten", 2, *SHOWN, *parse("print.value=false", "key.separator=|")),
    read("ten", 1, *parse("print.value=false")),
    read("ten", 1, *parse("print.key= TRUE ", "print.value=no")),
    read("ten", 1, *parse("print.epoch=true", "print.delivery=true", "print.offset=true")),
    read("ten", 1, "--formatter-config", "{file}", *parse("key.separator=-"),
         files={"file": "print.key=true\nkey.separator=+\n"}),
    read("ten", 2, "--formatter", f"{FORMATTERS}.LoggingMessageFormatter", drop="INFO"),
    read("ten", 2, "--formatter", f"{FORMATTERS}.NoOpMessageFormatter"),
    read("ten", 2, "--formatter", f"{FORMATTERS}.DefaultMessageFormatter"),
    read("ten", 2, *parse("print.key=true", f"key.deserializer={SERIALIZATION}.ShortDeserializer")),
    read("ten", 2, "--key-deserializer", f"{SERIALIZATION}.StringDeserializer",
         *parse("print.key=true")),
    read("ten", 2, *parse(f"value.deserializer={SERIALIZATION}.LongDeserializer")),
    read("ten", 2, "--value-deserializer", f"{SERIALIZATION}.LongDeserializer",
         "--skip-message-on-error"),
    Step("kafka-console-producer", [*SERVER, "--topic", "{t}-numbers", *KEYS],
         text="abcd:ABCDEFGH\n\x00\x00\x00\x07:\x00\x00\x00\x00\x00\x00\x00\x2a\n"
              "nope:nope\n", before=topic_with("numbers", 1, 0)),
    read("numbers", 2, "--value-deserializer", f"{SERIALIZATION}.LongDeserializer",
         *parse("print.key=true", f"key.deserializer={SERIALIZATION}.IntegerDeserializer")),
    read("numbers", 3, "--skip-message-on-error", "--value-deserializer",
         f"{SERIALIZATION}.LongDeserializer"),
    # Groups.
    read("ten", 3, "--group", "{t}-go"),
    read("ten", 3, "--group", "{t}-go", "--consumer-property", "enable.auto.commit=false"),
    read("ten", 3, "--consumer-property", "group.id={t}-go"),
    Step("kafka-consumer-groups", [*SERVER, "--describe", "--group", "{t}-go"]),
    read("ten", 3, "--consumer.config", "{file}", files={"file": "group.id={t}-go\n"}),
    consume("--topic", "{t}-ten", "--group", "{t}-late", "--timeout-ms", "6000", says=True),
    Step("kafka-consumer-groups", [*SERVER, "--describe", "--group", "{t}-late"]),
    # What is in the topic of offsets.
    consume("--topic", "__consumer_offsets", "--formatter", f"{FORMATTERS}.OffsetsMessageFormatter",
            "--from-beginning", "--timeout-ms", "6000", mask=[KEPT],
            before=committed("kept", {"ten": {0: 4}})),
]
