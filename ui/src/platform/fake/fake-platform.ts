/**
 * A hub inside the page, for development in a browser, for tests and for screenshots. URL parameters choose what it plays:
 * `shell` (needsStart, starting, failed), `keyring`, `phase` (a connection phase), `content` (empty, usual, approval), `runner=offline`,
 * `rows` (exchanges in the long session), `step` (characters per tick), `tick` (ms). Through `window.__batonFake` a test plays the other
 * device and cuts the connection.
 */
import type { CommandBody } from "../../generated/CommandBody";
import type { ConnectionPhase } from "../../generated/ConnectionPhase";
import type { ConnectionView } from "../../generated/ConnectionView";
import type { DraftView } from "../../generated/DraftView";
import type { Principal } from "../../generated/Principal";
import type { RowPatch } from "../../generated/RowPatch";
import type { SearchHit } from "../../generated/SearchHit";
import type { ViewFrame } from "../../generated/ViewFrame";
import type { ViewMessage } from "../../generated/ViewMessage";
import type { ViewRequest } from "../../generated/ViewRequest";
import type { ViewResponse } from "../../generated/ViewResponse";
import type { Platform } from "../types";
import { account, emptyAccount, laptop, me } from "./fake-content";
import { FakeSession } from "./fake-session";
import { fakeShell } from "./fake-shell";
import { fillApproval } from "./fake-approval";
import { fillUsual } from "./fake-usual";

declare global {
  interface Window {
    __batonFake?: FakeHub;
  }
}

interface Intent {
  command: string;
  session: FakeSession;
  body: CommandBody;
}

export class FakeHub {
  readonly sessions: FakeSession[] = [];
  readonly #params: URLSearchParams;
  #phase: ConnectionPhase;
  #receive: ((frame: ViewFrame) => void) | undefined;
  #pending: ViewMessage[] = [];
  #flushing: ReturnType<typeof setTimeout> | undefined;
  #listView: number | undefined;
  #shown = new Map<number, { session: FakeSession; rows: number }>();
  #outbox: Intent[] = [];
  #drafts: DraftView[] = [];
  #draftSaves = 0;
  #commands = 0;

  constructor(params: URLSearchParams) {
    this.#params = params;
    this.#phase = (params.get("phase") as ConnectionPhase | null) ?? "live";
    if (params.get("content") !== "empty") fillUsual(this, Number(params.get("rows") ?? "40"));
    if (params.get("content") === "approval") fillApproval(this);
    const tick = Number(params.get("tick") ?? "40");
    const step = Number(params.get("step") ?? "9");
    if (tick > 0) setInterval(() => this.tick(step), tick);
  }

  /** Every running agent says a little more, unless the connection is down. */
  tick(step: number): void {
    for (const session of this.sessions) {
      if (!session.run || !this.#isUp()) continue;
      const before = session.run.id;
      session.speak(step);
      if (session.run?.id !== before) this.#tell(session);
      else this.#header(session);
    }
  }

  addSession(id: string, title: string, agent = "assistant"): FakeSession {
    const session = new FakeSession(id, title, agent, { now: () => Date.now() }, (patches) => this.#rows(id, patches));
    this.sessions.unshift(session);
    return session;
  }

  setPhase(phase: ConnectionPhase): void {
    this.#phase = phase;
    if (this.#isUp()) {
      for (const intent of this.#outbox.splice(0)) this.#perform(intent);
    }
    this.#push({ type: "connection", connection: this.#connection() });
    this.#push({ type: "account", account: this.#account() });
  }

  /** Performs a command as another device. */
  asLaptop(session: string, body: CommandBody): void {
    const found = this.sessions.find((each) => each.id === session);
    if (found) this.#perform({ command: this.#nextCommand(), session: found, body }, laptop);
  }

  connect(receive: (frame: ViewFrame) => void): () => void {
    this.#receive = receive;
    this.#push({ type: "connection", connection: this.#connection() });
    this.#push({ type: "account", account: this.#account() });
    return () => {
      this.#receive = undefined;
    };
  }

  request(request: ViewRequest): ViewResponse {
    switch (request.type) {
      case "openSessions":
        this.#listView = request.view;
        this.#list();
        return { type: "done" };
      case "openSession": {
        const session = this.sessions.find((each) => each.id === request.session);
        if (!session) return refused("session_not_found", "There is no such session.");
        this.#shown.set(request.view, { session, rows: request.rows });
        this.#push({ type: "rows", view: request.view, patches: [{ type: "reset", rows: session.rows.slice(-request.rows) }] });
        this.#tell(session);
        return { type: "done" };
      }
      case "loadOlder":
        this.#loadOlder(request.view, request.rows);
        return { type: "done" };
      case "close":
        this.#shown.delete(request.view);
        return { type: "done" };
      case "act":
        return this.#act(request.log, request.body);
      case "startSession": {
        const session = this.addSession(request.session, request.text.slice(0, 60), request.agent.agent);
        return this.#act(`session:${session.id}`, { type: "sendPrompt", text: request.text, delivery: "queue" });
      }
      case "markRead": {
        const session = this.sessions.find((each) => each.id === request.session);
        if (session) session.readSeq = Math.max(session.readSeq, request.seq);
        this.#list();
        return { type: "done" };
      }
      case "saveDraft":
        this.#saveDraft(request.session, request.text, me);
        return { type: "queued", command: this.#nextCommand() };
      case "retryIntent":
      case "cancelIntent":
        this.#outbox = this.#outbox.filter((intent) => intent.command !== request.command);
        for (const session of this.sessions) {
          session.items = session.items.filter((item) => item.prompt !== request.command);
          if (session.run) session.run.stopping = "none";
          this.#tell(session);
        }
        this.#push({ type: "connection", connection: this.#connection() });
        return { type: "done" };
      case "discardOpaque":
        return { type: "done" };
      case "search":
        return [...request.query].length < 2 ? { type: "found", hits: [], note: "tooShort" } : { type: "found", hits: this.#search(request.query, request.limit) };
    }
  }

  /** Saves a draft as another device. */
  writeAsLaptop(session: string, text: string): void {
    this.#saveDraft(session, text, laptop);
  }

  #saveDraft(session: string, text: string, by: Principal): void {
    this.#draftSaves += 1;
    const isBegun = this.sessions.some((each) => each.id === session);
    this.#drafts = this.#drafts.filter((draft) => draft.session !== session);
    if (text !== "") this.#drafts.push({ session, isBegun, text, seq: this.#draftSaves, by });
    this.#push({ type: "drafts", drafts: this.#drafts });
  }

  #act(log: string, body: CommandBody): ViewResponse {
    const session = this.sessions.find((each) => `session:${each.id}` === log);
    if (!session) return refused("session_not_found", "There is no such session.");
    const intent: Intent = { command: this.#nextCommand(), session, body };
    if (body.type === "sendPrompt" && this.#drafts.some((draft) => draft.session === session.id)) this.#saveDraft(session.id, "", me);
    if (this.#isUp()) {
      this.#perform(intent);
    } else {
      this.#outbox.push(intent);
      if (body.type === "sendPrompt") {
        const { text, delivery } = body;
        session.items.push({ prompt: intent.command, text, by: me, at: Date.now(), delivery, state: { type: "waitingForHub" } });
      }
      if (body.type === "stopRun" && session.run) session.run.stopping = "waitingForHub";
      this.#tell(session);
      this.#push({ type: "connection", connection: this.#connection() });
    }
    return { type: "queued", command: intent.command };
  }

  #perform({ command, session, body }: Intent, by: Principal = me): void {
    session.items = session.items.filter((item) => item.prompt !== command);
    session.perform(command, body, by);
    this.#tell(session);
  }

  #loadOlder(view: number, count: number): void {
    const shown = this.#shown.get(view);
    if (!shown) return;
    const { session } = shown;
    const first = Math.max(0, session.rows.length - shown.rows);
    const older = session.rows.slice(Math.max(0, first - count), first);
    const before = session.rows[first]?.id;
    shown.rows += older.length;
    const patches = older.map((row): RowPatch => ({ type: "insert", row, ...(before === undefined ? {} : { before }) }));
    this.#push({ type: "rows", view, patches });
    this.#tell(session);
  }

  #search(query: string, limit: number): SearchHit[] {
    const word = query.toLowerCase();
    const hits: SearchHit[] = [];
    for (const session of this.sessions) {
      for (const row of session.rows) {
        const text = "text" in row.body ? row.body.text : "";
        const at = text.toLowerCase().indexOf(word);
        if (at === -1 || hits.length >= limit) continue;
        const end = at + word.length;
        const excerpt = `${text.slice(Math.max(0, at - 40), at)}\u0002${text.slice(at, end)}\u0003${text.slice(end, end + 60)}`;
        hits.push({ session: session.id, title: session.title, row: row.id, seq: row.seq, excerpt });
      }
    }
    return hits;
  }

  #tell(session: FakeSession): void {
    this.#header(session);
    for (const [view, shown] of this.#shown) {
      if (shown.session === session) this.#push({ type: "queue", view, queue: session.queue(this.#params.get("runner") === "offline" ? "offline" : "online") });
    }
    this.#list();
  }

  #header(session: FakeSession): void {
    for (const [view, shown] of this.#shown) {
      if (shown.session === session) this.#push({ type: "header", view, header: session.header(shown.rows) });
    }
  }

  #rows(session: string, patches: RowPatch[]): void {
    for (const [view, shown] of this.#shown) {
      if (shown.session.id !== session) continue;
      shown.rows += patches.filter((patch) => patch.type === "insert").length;
      this.#push({ type: "rows", view, patches });
    }
  }

  #list(): void {
    if (this.#listView === undefined) return;
    const order = ["needsYou", "failed", "unread", "running", "waiting", "notSent", "idle"];
    const rows = this.sessions
      .map((session) => session.listRow())
      .toSorted((a, b) => order.indexOf(a.state.type) - order.indexOf(b.state.type) || b.updatedAt - a.updatedAt);
    this.#push({ type: "sessions", view: this.#listView, rows });
  }

  #connection(): ConnectionView {
    const base = { phase: this.#phase, hubName: "home-server", outbox: this.#outbox.length };
    if (this.#phase === "reconnecting") return { ...base, retryAt: Date.now() + 8000 };
    if (this.#phase !== "refused") return base;
    return {
      ...base,
      problem: { code: "revoked", message: "This device's access was revoked.", hint: "Link it again from a device that has access." },
    };
  }

  #account() {
    const whole = this.#params.get("content") === "empty" ? emptyAccount : account;
    return this.#isUp() ? whole : { ...whole, online: [] };
  }

  #isUp(): boolean {
    return this.#phase === "live";
  }

  #nextCommand(): string {
    this.#commands += 1;
    return `0192f0c0-0000-7000-8000-${String(this.#commands).padStart(12, "0")}`;
  }

  #push(message: ViewMessage): void {
    this.#pending.push(structuredClone(message));
    if (this.#flushing !== undefined) return;
    this.#flushing = setTimeout(() => {
      this.#flushing = undefined;
      const messages = this.#pending.splice(0);
      this.#receive?.({ messages });
    }, 16);
  }
}

function refused(code: "session_not_found", message: string): ViewResponse {
  return { type: "refused", error: { code, message, hint: "" } };
}

export function fakePlatform(params: URLSearchParams): Platform {
  const hub = new FakeHub(params);
  window.__batonFake = hub;
  return {
    kind: "fake",
    request: (request) => Promise.resolve(hub.request(request)),
    onFrame: (receive) => Promise.resolve(hub.connect(receive)),
    shell: fakeShell(params),
  };
}
