"""kafka-consumer-groups."""
from names.hooks import both, committed, joins, leaves, topic_with
from names.steps import SERVER, Step


def groups(*args, **options):
    return Step("kafka-consumer-groups", [*SERVER, *args], **options)


def reset(*args, group="{t}-shop", **options):
    return groups("--reset-offsets", "--group", group, *args, **options)


ORDERS = ["--topic", "{t}-orders"]
STEPS = [
    # What makes no sense.
    Step("kafka-consumer-groups", "--nonsense"),
    Step("kafka-consumer-groups", "--list", says=True),
    groups(says=True),
    groups("--list", "--delete", "--group", "x", says=True),
    groups("--describe", says=True),
    groups("--describe", "--group", "x", "--members", "--state", says=True),
    groups("--describe", "--group", "x", "--all-groups", says=True),
    groups("--describe", "--group", "x", "--topic", "y", says=True),
    groups("--delete", says=True),
    groups("--delete", "--group", "x", "--topic", "y", says=True),
    groups("--delete-offsets", "--group", "x", says=True),
    groups("--reset-offsets", "--to-earliest", "--execute", says=True),
    reset("--execute", "--dry-run", "--to-earliest", says=True),
    reset("--execute", "--to-earliest", "--to-latest", says=True),
    groups("--list", "--state", "nonsense"),
    groups("--list", "--type", "nonsense", says=True),
    groups("--list", "--members"),
    # Groups that do not exist.
    groups("--describe", "--group", "{t}-nobody"),
    groups("--describe", "--group", "{t}-nobody", "--members"),
    groups("--describe", "--group", "{t}-nobody", "--state"),
    groups("--delete", "--group", "{t}-nobody"),
    groups("--delete-offsets", "--group", "{t}-nobody", *ORDERS),
    # A group without members.
    groups("--list", drop="^(?!alpha)",
           before=both(topic_with("orders", 2, 10), topic_with("other", 1, 3),
                       committed("shop", {"orders": {0: 4, 1: 10}, "other": {0: 1}}))),
    groups("--list", "--state", drop="^(?!alpha|GROUP)"),
    groups("--list", "--type", drop="^(?!alpha|GROUP)"),
    groups("--list", "--state", "Empty", "--type", "classic", drop="^(?!alpha|GROUP)"),
    groups("--list", "--state", "stable", drop="^(?!alpha|GROUP)"),
    groups("--describe", "--group", "{t}-shop", says=True, sort=True),
    groups("--describe", "--group", "{t}-shop", "--offsets", "--verbose", sort=True),
    groups("--describe", "--group", "{t}-shop", "--members", says=True),
    groups("--describe", "--group", "{t}-shop", "--members", "--verbose"),
    groups("--describe", "--group", "{t}-shop", "--state"),
    groups("--describe", "--group", "{t}-shop", "--state", "--verbose"),
    # Other offsets.
    reset("--to-earliest", *ORDERS, says=True, sort=True),
    reset("--to-earliest", *ORDERS, "--dry-run", sort=True),
    reset("--to-earliest", "--dry-run", says=True),
    reset(*ORDERS, "--dry-run", says=True),
    reset("--to-latest", "--topic", "{t}-orders:0", "--dry-run"),
    reset("--to-latest", "--topic", "{t}-orders:x", "--dry-run", says=True),
    reset("--to-latest", "--topic", "{t}-orders:1:2", "--dry-run", says=True),
    reset("--to-latest", "--topic", "{t}-nowhere", "--dry-run"),
    reset("--to-offset", "7", *ORDERS, "--dry-run", sort=True),
    reset("--to-offset", "700", *ORDERS, "--dry-run", sort=True),
    reset("--to-current", "--all-topics", "--dry-run", sort=True),
    reset("--shift-by", "-2", *ORDERS, "--dry-run", sort=True),
    reset("--shift-by", "1", *ORDERS, "--dry-run", sort=True),
    reset("--shift-by", "1", *ORDERS, "--dry-run", group="{t}-other", says=True),
    reset("--to-datetime", "2023-11-14T22:13:20.005", *ORDERS, "--dry-run", sort=True),
    reset("--to-datetime", "2023-11-14T23:13:20.005+01:00", *ORDERS, "--dry-run", sort=True),
    reset("--to-datetime", "2040-01-01T00:00:00.000Z", *ORDERS, "--dry-run", sort=True),
    reset("--to-datetime", "yesterday", *ORDERS, "--dry-run"),
    reset("--by-duration", "P1D", *ORDERS, "--dry-run", sort=True),
    reset("--by-duration", "P10000DT1H2M3.5S", *ORDERS, "--dry-run", sort=True),
    reset("--by-duration", "1 day", *ORDERS, "--dry-run"),
    reset("--to-earliest", "--all-topics", "--export", "--dry-run", sort=True),
    reset("--from-file", "{plan}", "--dry-run", sort=True,
          files={"plan": "{t}-orders,0,3\n{t}-orders,1,50\n"}),
    reset("--from-file", "{dir}/missing", "--dry-run"),
    reset("--to-earliest", "--all-topics", "--execute", sort=True),
    groups("--describe", "--group", "{t}-shop", sort=True),
    reset("--to-offset", "2", "--topic", "{t}-orders:1", "--execute", group="{t}-fresh"),
    groups("--describe", "--group", "{t}-fresh", sort=True),
    groups("--reset-offsets", "--group", "{t}-shop", "--group", "{t}-fresh", "--to-latest",
           "--all-topics", "--dry-run", "--export", sort=True),
    # A group with members.
    groups("--describe", "--group", "{t}-busy", sort=True,
           before=joins("busy", ["orders", "other"], group_instance_id="one",
                        session_timeout_ms=6000,
                        partition_assignment_strategy="range")),
    groups("--describe", "--group", "{t}-busy", "--members"),
    groups("--describe", "--group", "{t}-busy", "--members", "--verbose"),
    groups("--describe", "--group", "{t}-busy", "--state"),
    groups("--list", "--state", "Stable", drop="^(?!alpha|GROUP)"),
    reset("--to-earliest", *ORDERS, "--execute", group="{t}-busy"),
    groups("--delete", "--group", "{t}-busy"),
    groups("--delete-offsets", "--group", "{t}-busy", *ORDERS),
    # The end.
    groups("--describe", "--group", "{t}-busy", says=True, before=leaves("busy"),
           until="has no active members"),
    groups("--delete-offsets", "--group", "{t}-shop", "--topic", "{t}-orders:0,1"),
    groups("--delete-offsets", "--group", "{t}-shop", "--topic", "{t}-orders:7"),
    groups("--delete-offsets", "--group", "{t}-shop", "--topic", "{t}-nowhere"),
    groups("--describe", "--group", "{t}-shop", sort=True),
    groups("--delete", "--group", "{t}-shop"),
    groups("--delete", "--group", "{t}-fresh", "--group", "{t}-nobody"),
    groups("--list", drop="^(?!alpha)", sort=True),
]
