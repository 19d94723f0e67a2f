"""kafka-metadata-quorum."""
from names.steps import Step

# What depends on who leads, and on when the question is asked.
MASK = [(r"\b300\d\b", "300N"), (r"(?<=\t)[\w-]{22}(?=\t)", "I" * 22),
        (r"((?:Id|Epoch|Watermark|Lag|Ms): +)\d+$", r"\1N"), (r"(?<=\t)\d+ +(?=\t)", "N"),
        (r"(?<=\t)(\d+ ms ago|T{13}) +(?=\t)", "AGO")]
TOOL = "kafka-metadata-quorum"
THIRD = ["--controller-id", "3003", "--controller-directory-id", "{D3}"]
SETTINGS = ["--command-config", "{data}/controller-3.properties"]


def quorum(*args, **options):
    return Step(TOOL, ["--bootstrap-server", "{B}", *args], mask=MASK, **options)


def direct(*args, **options):
    return Step(TOOL, ["--bootstrap-controller", "{C}", *args], mask=MASK, **options)


STEPS = [
    # What makes no sense. Of these the first line is that of the usage.
    Step(TOOL, "describe --status", says=True),
    Step(TOOL, "--bootstrap-server", says=True),
    Step(TOOL, "--bootstrap-server x nonsense", says=True),
    quorum(says=True),
    quorum("--bootstrap-controller", "{C}", "describe", "--status", says=True),
    quorum("describe", says=True),
    quorum("describe", "--status", "--replication", says=True),
    quorum("describe", "--status", "--human-readable", says=True),
    quorum("remove-controller", "--controller-id", "x", "-d", "x"),
    quorum("remove-controller", "--controller-id", "-7", "-d", "x", says=True),
    quorum("remove-controller", "-i", "7", "-d", "abc", says=True),
    quorum("remove-controller", "-i", "7", "-d", "abcdefghijklmnopqrstuvwxyz", says=True),
    quorum("add-controller", says=True),
    quorum("--command-config", "{file}", "add-controller", says=True, files={"file": "a=b\n"}),
    quorum("--command-config", "{file}", "add-controller", says=True,
           files={"file": "node.id=7\nprocess.roles=broker\n"}),
    quorum("--command-config", "{file}", "add-controller", says=True,
           files={"file": "node.id=7\nprocess.roles=controller\n"}),
    # What does.
    quorum("describe", "--status"),
    direct("describe", "--status"),
    quorum("describe", "--replication", sort=True),
    direct("describe", "--replication", "--human-readable", sort=True),
    direct("remove-controller", *THIRD, "--dry-run"),
    direct("remove-controller", "-i", "7", "-d", "AAAAAAAAAAAAAAAAAAAAAQ"),
    direct("remove-controller", *THIRD,
           undo=["--bootstrap-controller", "{C}", *SETTINGS, "add-controller"]),
    direct(*SETTINGS, "add-controller", "--dry-run"),
    direct(*SETTINGS, "add-controller",
           undo=["--bootstrap-controller", "{C}", "remove-controller", *THIRD]),
    quorum("remove-controller", *THIRD,
           undo=["--bootstrap-server", "{B}", *SETTINGS, "add-controller"]),
    quorum(*SETTINGS, "add-controller",
           undo=["--bootstrap-controller", "{C}", "remove-controller", *THIRD]),
]
