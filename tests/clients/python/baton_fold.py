"""The fold of a session's and an account's events, from docs/PROTOCOL.md alone: sections 5, 6 and 8."""

import hashlib


class Diverged(Exception):
    """What this mirror has cannot be what the hub has (6): drop the log, read it again."""


class Log:
    """A cursor and what the events up to it say."""

    def __init__(self):
        self.incarnation, self.seq, self.unknown = None, 0, 0

    def apply(self, batch):
        """Takes a batch that fits the cursor (5, rule 2)."""
        for event in batch["events"]:
            body = event["body"]
            step = getattr(self, "on_" + body["type"], None)
            if step:
                step(body, event)
            else:
                self.unknown += 1  # 2: kept, never an error
        self.incarnation, self.seq = batch["incarnation"], batch["upto"]


class Account(Log):
    def __init__(self):
        super().__init__()
        self.sessions, self.agents, self.read = {}, {}, {}

    def on_sessionSummarized(self, body, _):
        self.sessions[body["session"]] = body["summary"]

    def on_agentsOffered(self, body, _):
        self.agents[body["runner"]] = body["agents"]

    def on_readMarked(self, body, _):
        self.read[body["session"]] = max(body["seq"], self.read.get(body["session"], 0))

    def progress(self):
        return {"sessions": self.sessions, "agents": self.agents}

    def show(self):
        return {"sessions": self.sessions, "agents": self.agents, "read": self.read}


class Session(Log):
    def __init__(self):
        super().__init__()
        self.title, self.paused = None, None
        self.queue = []  # prompt ids, the head first
        self.texts = {}  # of every prompt
        self.steers = {}  # prompt id -> the run that it waits for
        self.rows = []  # the transcript: a prompt or a part each, in order
        self.parts = {}  # (run, part) -> its row
        self.runs = {}

    def on_sessionCreated(self, body, _):
        self.title = body.get("title")

    def on_sessionRenamed(self, body, _):
        self.title = body["title"]

    def on_promptSent(self, body, _):
        self.texts[body["prompt"]] = body["text"]
        if body["delivery"] == "steer":
            self.steers[body["prompt"]] = body["run"]
        elif body["delivery"] == "interrupt":
            self.queue.insert(0, body["prompt"])
        else:
            self.queue.append(body["prompt"])

    def on_promptEdited(self, body, _):
        self.texts[body["prompt"]] = body["text"]

    def leave(self, prompt):
        self.steers.pop(prompt, None)
        if prompt in self.queue:
            self.queue.remove(prompt)

    def on_promptWithdrawn(self, body, _):
        self.leave(body["prompt"])

    def on_promptRequeued(self, body, _):
        self.leave(body["prompt"])
        self.texts[body["prompt"]] = body["text"]
        self.queue.insert(0, body["prompt"])

    def on_promptMoved(self, body, _):
        self.leave(body["prompt"])
        at = self.queue.index(body["before"]) if "before" in body else len(self.queue)
        self.queue.insert(at, body["prompt"])

    def on_queuePaused(self, body, _):
        self.paused = body["reason"]

    def on_queueResumed(self, _body, _event):
        self.paused = None

    def stand(self, prompt):
        """The prompt stands in the transcript from here, if it does not stand there already (a retry's does)."""
        self.leave(prompt)
        if all(row.get("prompt") != prompt for row in self.rows):
            self.rows.append({"prompt": prompt, "text": self.texts[prompt]})

    def on_runStarted(self, body, _):
        self.stand(body["prompt"])
        self.runs[body["run"]] = {"prompt": body["prompt"], "outcome": None, "digest": None}

    def on_steerConsumed(self, body, _):
        for prompt in body["prompts"]:
            self.stand(prompt)

    def on_partOpened(self, body, _):
        kind = body["kind"]
        if kind not in ("text", "reasoning"):
            kind = kind.get("type", "unknown") if isinstance(kind, dict) else "unknown"
        row = {"run": body["run"], "part": body["part"], "kind": kind, "text": "", "end": None}
        self.rows.append(row)
        self.parts[body["run"], body["part"]] = row

    def on_partAppended(self, body, _):
        row = self.parts[body["run"], body["part"]]
        if len(row["text"].encode()) != body["offset"]:
            raise Diverged(f"an append at {body['offset']} to a part of {len(row['text'].encode())} bytes")
        row["text"] += body["text"]

    def on_partClosed(self, body, _):
        self.parts[body["run"], body["part"]]["end"] = body["end"]

    def on_partSealed(self, body, _):
        self.parts[body["run"], body["part"]].update(text=body["text"], end=body["end"])

    def digest(self, run):
        lines = ""
        for part, row in sorted((part, row) for (of, part), row in self.parts.items() if of == run):
            lines += f"{part} {row['kind']} {row['end']} {hashlib.sha256(row['text'].encode()).hexdigest()}\n"
        return hashlib.sha256(lines.encode()).hexdigest()

    def on_runEnded(self, body, _):
        digest = self.digest(body["run"])
        if digest != body["digest"]:
            raise Diverged(f"run {body['run']} has the digest {digest}, the hub says {body['digest']}")
        self.runs[body["run"]].update(outcome=body["outcome"]["type"], digest=digest)
        self.rows.append({"run": body["run"], "outcome": body["outcome"]["type"]})

    def on_teardownReported(self, body, _):
        self.runs[body["run"]]["teardown"] = body["stillRunning"]

    def progress(self):
        sizes = {run: 0 for run in self.runs}
        for (run, _), row in self.parts.items():
            sizes[run] += len(row["text"].encode())
        return {"runs": [{"run": run, "bytes": sizes[run], "outcome": known["outcome"], "torndown": "teardown" in known}
                         for run, known in self.runs.items()]}

    def show(self):
        return {"title": self.title, "paused": self.paused, "rows": self.rows, "runs": self.runs,
                "queue": [{"prompt": prompt, "text": self.texts[prompt]} for prompt in self.queue]}
