/** One session of the fake hub: rows, a queue and at most one run. As far as a screen can tell, it decides like the real hub. */
import type { CommandBody } from "../../generated/CommandBody";
import type { PauseReason } from "../../generated/PauseReason";
import type { Principal } from "../../generated/Principal";
import type { PromptState } from "../../generated/PromptState";
import type { QueueItem } from "../../generated/QueueItem";
import type { QueueView } from "../../generated/QueueView";
import type { FinishReason } from "../../generated/FinishReason";
import type { RetryView } from "../../generated/RetryView";
import type { RowBody } from "../../generated/RowBody";
import type { RowPatch } from "../../generated/RowPatch";
import type { RunOutcome } from "../../generated/RunOutcome";
import type { SessionHeader } from "../../generated/SessionHeader";
import type { SessionRow } from "../../generated/SessionRow";
import type { SessionRowState } from "../../generated/SessionRowState";
import type { StoppingState } from "../../generated/StoppingState";
import type { TranscriptRow } from "../../generated/TranscriptRow";
import { ANSWER, BUILD_BOX, REASONING, SHORT_ANSWERS, STEERED } from "./fake-content";

interface FakeRun {
  id: string;
  prompt: string;
  startedAt: number;
  startedBy: Principal;
  stopping: StoppingState;
  part: { row: string; said: number; script: string } | undefined;
  retry?: RetryView;
  /** What the agent says after the current part. */
  next: { kind: "text" | "reasoning"; script: string }[];
}

export interface FakeClock {
  now(): number;
}

export class FakeSession {
  rows: TranscriptRow[] = [];
  run: FakeRun | undefined;
  items: QueueItem[] = [];
  paused: PauseReason | undefined;
  pausedBy: Principal | undefined;
  seq = 0;
  readSeq = 0;
  updatedAt: number;
  /** What the next answer says; the usual text if undefined. */
  script: string | undefined;
  /** Why the next answer ends early; undefined: it is complete. */
  finishReason: FinishReason | undefined;
  title: string;
  readonly id: string;
  readonly agent: string;
  readonly #clock: FakeClock;
  readonly #changed: (patches: RowPatch[]) => void;

  constructor(id: string, title: string, agent: string, clock: FakeClock, changed: (patches: RowPatch[]) => void) {
    this.id = id;
    this.title = title;
    this.agent = agent;
    this.#clock = clock;
    this.#changed = changed;
    this.updatedAt = clock.now();
  }

  addRow(body: RowBody, run?: string, at = this.#clock.now()): TranscriptRow {
    this.seq += 1;
    const row: TranscriptRow = { id: String(this.seq), seq: this.seq, at, body, ...(run === undefined ? {} : { run }) };
    this.rows.push(row);
    this.#changed([{ type: "insert", row }]);
    return row;
  }

  perform(command: string, body: CommandBody, by: Principal): string | undefined {
    switch (body.type) {
      case "sendPrompt":
        return this.#send({ prompt: command, text: body.text, by, at: this.#clock.now(), delivery: body.delivery, state: { type: "accepted" } });
      case "editPrompt":
        this.items = this.items.map((item) => (item.prompt === body.prompt ? { ...item, text: body.text } : item));
        break;
      case "withdrawPrompt":
        this.items = this.items.filter((item) => item.prompt !== body.prompt);
        break;
      case "movePrompt":
        this.#move(body.prompt, body.before);
        break;
      case "sendPromptNow":
        this.#move(body.prompt, this.items[0]?.prompt);
        if (this.run) this.endRun({ type: "stopped", by }, "quiet");
        this.#startNext();
        break;
      case "stopRun":
        if (this.run) this.endRun({ type: "stopped", by }, "pausing", by);
        else this.items = this.items.filter((item) => body.target.type !== "prompt" || item.prompt !== body.target.prompt);
        break;
      case "retryRun":
        this.#retry(body.run, by);
        break;
      case "pauseQueue":
        this.paused = "person";
        this.pausedBy = by;
        break;
      case "resumeQueue":
        this.paused = undefined;
        this.pausedBy = undefined;
        if (!this.run) this.#startNext();
        break;
      case "renameSession":
        this.title = body.title;
        break;
      case "createSession":
      case "markRead":
        break;
    }
    return undefined;
  }

  #send(item: QueueItem): undefined {
    this.updatedAt = this.#clock.now();
    if (this.run && item.delivery === "steer") {
      this.#steer(item);
    } else if (this.run && item.delivery === "interrupt") {
      this.items.unshift({ ...item, delivery: "queue" });
      this.endRun({ type: "stopped", by: item.by }, "quiet");
      this.#startNext();
    } else if (!this.run && (item.delivery === "interrupt" || this.paused === undefined)) {
      this.#start(item);
    } else {
      this.items.push({ ...item, delivery: "queue" });
    }
  }

  #steer(item: QueueItem): void {
    this.#closePart("interrupted");
    const { run } = this;
    if (!run) return;
    this.#prompt(item, "steered", run.id);
    run.next = [{ kind: "text", script: STEERED }];
  }

  #prompt(item: QueueItem, how: "steered" | "first", run: string, state: PromptState = { type: "pickedUp" }): void {
    this.addRow({ type: "prompt", prompt: item.prompt, text: item.text, by: item.by, steered: how === "steered", state }, run, item.at);
  }

  #start(item: QueueItem): void {
    if (this.title === "") this.title = item.text.slice(0, 60);
    const id = `run-${item.prompt}`;
    this.#prompt(item, "first", id);
    const script = this.script ?? ANSWER;
    this.run = {
      id,
      prompt: item.prompt,
      startedAt: this.#clock.now(),
      startedBy: item.by,
      stopping: "none",
      part: undefined,
      next: [
        { kind: "reasoning", script: REASONING },
        { kind: "text", script },
      ],
    };
  }

  #startNext(): void {
    const next = this.items.shift();
    if (next) this.#start(next);
  }

  #retry(run: string, by: Principal): void {
    const prompt = this.rows.find((row) => row.run === run && row.body.type === "prompt")?.body;
    if (prompt?.type !== "prompt" || this.run) return;
    this.#start({ prompt: `${prompt.prompt}-again`, text: prompt.text, by, at: this.#clock.now(), delivery: "queue", state: { type: "accepted" } });
  }

  #move(prompt: string, before: string | undefined): void {
    const item = this.items.find((each) => each.prompt === prompt);
    if (!item || prompt === before) return;
    const rest = this.items.filter((each) => each.prompt !== prompt);
    const at = before === undefined ? rest.length : rest.findIndex((each) => each.prompt === before);
    rest.splice(at === -1 ? rest.length : at, 0, item);
    this.items = rest;
  }

  /** Makes the agent say a little more. */
  speak(characters: number): void {
    const { run } = this;
    if (!run) return;
    if (run.retry) {
      if (this.#clock.now() < run.retry.until) return;
      delete run.retry;
    }
    if (!run.part) {
      const next = run.next.shift();
      if (!next) return this.#complete();
      const body: RowBody =
        next.kind === "text" ? { type: "text", text: "", state: "open" } : { type: "reasoning", text: "", state: "open" };
      run.part = { row: this.addRow(body, run.id).id, said: 0, script: next.script };
    }
    const { part } = run;
    const text = part.script.slice(part.said, part.said + characters);
    part.said += text.length;
    this.seq += 1;
    this.#grow(part.row, text);
    if (part.said >= part.script.length) this.#closePart("complete");
  }

  /** Starts a retry: the model gave nothing, and is asked again after a pause. */
  askAgain(delayMs: number): void {
    if (!this.run || this.run.part) return;
    const attempt = (this.run.retry?.attempt ?? 0) + 1;
    this.run.retry = { attempt, until: this.#clock.now() + delayMs, reason: "busy", message: "503: the model is loading" };
    this.seq += 1;
  }

  #grow(id: string, text: string): void {
    this.rows = this.rows.map((row) =>
      row.id === id && (row.body.type === "text" || row.body.type === "reasoning")
        ? { ...row, body: { ...row.body, text: row.body.text + text } }
        : row,
    );
    this.#changed([{ type: "appendText", id, text }]);
  }

  #closePart(state: "complete" | "interrupted"): void {
    const id = this.run?.part?.row;
    if (this.run) this.run.part = undefined;
    const row = this.rows.find((each) => each.id === id);
    if (!row || (row.body.type !== "text" && row.body.type !== "reasoning")) return;
    const body: RowBody =
      row.body.type === "reasoning" ? { ...row.body, state, durationMs: this.#clock.now() - row.at } : { ...row.body, state };
    const closed = { ...row, body };
    this.rows = this.rows.map((each) => (each.id === id ? closed : each));
    this.#changed([{ type: "update", row: closed }]);
  }

  #complete(): void {
    this.endRun({ type: "completed" }, "quiet");
    if (this.paused === undefined) this.#startNext();
  }

  endRun(outcome: RunOutcome, queue: "pausing" | "quiet", by?: Principal): void {
    const { run } = this;
    if (!run) return;
    this.#closePart("interrupted");
    const usage = outcome.type === "completed" ? { inputTokens: 1204, outputTokens: 486, modelCalls: 1 } : undefined;
    const teardown = outcome.type === "stopped" ? { toolsCancelled: 0, stillRunning: [] } : undefined;
    this.run = undefined;
    this.addRow(
      {
        type: "runEnd",
        outcome,
        durationMs: this.#clock.now() - run.startedAt,
        ...(usage ? { usage } : {}),
        ...(outcome.type === "completed" && this.finishReason !== undefined ? { finishReason: this.finishReason } : {}),
        ...(teardown ? { teardown } : {}),
      },
      run.id,
    );
    this.updatedAt = this.#clock.now();
    if (queue === "pausing" && this.items.length > 0) {
      this.paused = outcome.type === "failed" ? "failed" : outcome.type === "lost" ? "lost" : "stopped";
      this.pausedBy = by;
    }
  }

  /** Adds a finished exchange to the history. */
  addExchange(question: string, answer: string, by: Principal, at: number): void {
    const run = `run-old-${this.seq}`;
    this.addRow({ type: "prompt", prompt: `old-${this.seq}`, text: question, by, steered: false, state: { type: "pickedUp" } }, run, at);
    this.addRow({ type: "text", text: answer, state: "complete" }, run, at + 900);
    const usage = { inputTokens: 320, outputTokens: Math.ceil(answer.length / 4), modelCalls: 1 };
    this.addRow({ type: "runEnd", outcome: { type: "completed" }, durationMs: 7400, usage }, run, at + 8300);
    this.updatedAt = at + 8300;
    this.readSeq = this.seq;
  }

  addHistory(exchanges: number, by: Principal, since: number): void {
    for (let place = 0; place < exchanges; place += 1) {
      const answer = SHORT_ANSWERS[place % SHORT_ANSWERS.length] ?? "";
      this.addExchange(`Question ${place + 1}: what about the ${place % 2 === 0 ? "first" : "second"} way?`, answer, by, since + place * 90_000);
    }
  }

  header(rowsShown: number): SessionHeader {
    const { run } = this;
    const running = run && {
      run: {
        run: run.id,
        prompt: run.prompt,
        runner: BUILD_BOX,
        startedAt: run.startedAt,
        startedBy: run.startedBy,
        canSteer: this.agent !== "reviewer",
        stopping: run.stopping,
        ...(run.retry ? { retry: run.retry } : {}),
      },
    };
    const last = this.rows.findLast((row) => row.body.type === "runEnd");
    const retryable = !run && last?.run !== undefined && last.body.type === "runEnd" && last.body.outcome.type !== "completed" && { retryable: last.run };
    const header = { session: this.id, title: this.title, agent: this.agent, seq: this.seq, hasOlder: rowsShown < this.rows.length, caughtUp: true, isDeleted: false };
    return { ...header, ...running, ...retryable };
  }

  queue(runner: "online" | "offline"): QueueView {
    return {
      runnerOnline: runner === "online",
      items: this.items,
      ...(this.paused === undefined ? {} : { paused: this.paused }),
      ...(this.pausedBy === undefined ? {} : { pausedBy: this.pausedBy }),
    };
  }

  listRow(): SessionRow {
    return { session: this.id, title: this.title, state: this.#listState(), updatedAt: this.updatedAt, queued: this.items.length };
  }

  #listState(): SessionRowState {
    if (this.run) return { type: "running", startedAt: this.run.startedAt };
    const end = this.rows.findLast((row) => row.body.type === "runEnd");
    if (end?.body.type === "runEnd" && end.seq > this.readSeq) {
      const { outcome } = end.body;
      return { type: outcome.type === "failed" || outcome.type === "lost" ? "failed" : "unread" };
    }
    return { type: this.items.length > 0 ? "waiting" : "idle" };
  }
}
