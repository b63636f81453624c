import { act, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ErrorBoundary } from "../src/components/ErrorBoundary";
import { Markdown } from "../src/components/markdown/Markdown";
import { OpenLinkContext } from "../src/components/markdown/open-link";
import { NewSessionComposer } from "../src/features/composer/NewSessionComposer";
import { SessionComposer } from "../src/features/composer/SessionComposer";
import { QueuePanel } from "../src/features/queue/QueuePanel";
import { DeletedSession } from "../src/features/session/DeletedSession";
import { Row } from "../src/features/session/Row";
import { SessionsList } from "../src/features/sessions/SessionsList";
import type { QueueView } from "../src/generated/QueueView";
import type { RowBody } from "../src/generated/RowBody";
import type { RunningView } from "../src/generated/RunningView";
import type { ViewRequest } from "../src/generated/ViewRequest";
import type { ViewResponse } from "../src/generated/ViewResponse";
import { account, BUILD_BOX, laptop, me } from "../src/platform/fake/fake-content";
import { fakeShell } from "../src/platform/fake/fake-shell";
import { choosePlatformForTest } from "../src/platform/platform";
import { beginNewSession } from "../src/state/actions";
import { useConversation } from "../src/state/conversation";
import { emptyConversation, type OpenSession, openedSession } from "../src/state/conversation.logic";
import { followDrafts, saveDrafts, useDrafts } from "../src/state/drafts";
import { useInterface } from "../src/state/interface";
import { StartView } from "../src/views/StartView";

let asked: ViewRequest[] = [];
let answer: (request: ViewRequest) => ViewResponse = () => ({ type: "queued", command: "c1" });

beforeEach(() => {
  asked = [];
  answer = () => ({ type: "queued", command: "c1" });
  choosePlatformForTest({
    kind: "fake",
    request: (request) => {
      asked.push(request);
      return Promise.resolve(answer(request));
    },
    onFrame: () => Promise.resolve(() => {}),
    shell: fakeShell(new URLSearchParams()),
  });
});
afterEach(() => {
  // Nothing of one test is saved in the next.
  saveDrafts();
  useConversation.setState(emptyConversation, true);
  useDrafts.setState({ drafts: {} });
  useInterface.setState({ stopPressed: undefined, problem: undefined, place: { type: "new" } });
});

const run: RunningView = {
  run: "r1",
  prompt: "p1",
  runner: BUILD_BOX,
  startedAt: 0,
  startedBy: laptop,
  canSteer: true,
  stopping: "none",
};
const noQueue: QueueView = { runnerOnline: true, items: [] };

function opened(change: { run?: RunningView; queue?: QueueView } = {}): OpenSession {
  const header = { session: "s1", title: "A title", agent: "assistant", seq: 9, hasOlder: false, caughtUp: true, isDeleted: false };
  const open: OpenSession = {
    ...openedSession(1, "s1"),
    header: change.run ? { ...header, run: change.run } : header,
    queue: change.queue ?? noQueue,
    painted: true,
  };
  useConversation.setState({ account, open, connection: { phase: "live", hubName: "home", outbox: 0 } });
  return open;
}

const composer = () => screen.getByTestId<HTMLTextAreaElement>("composer");
const acts = () => asked.flatMap((request) => (request.type === "act" ? [request.body] : []));

describe("a session that was deleted", () => {
  it("gives what was begun there to a new one", async () => {
    useDrafts.setState({ drafts: { s1: { text: "half a thought", kept: "half a thought", seen: 4 } } });
    opened();
    useInterface.setState({ place: { type: "session", session: "s1" } });
    render(<DeletedSession session="s1" />);
    expect(screen.getByTestId("deleted-draft").textContent).toBe("half a thought");
    await userEvent.click(screen.getByTestId("deleted-go-on"));
    expect(useInterface.getState().place).toEqual({ type: "new" });
    const { drafts, next } = useDrafts.getState();
    expect(drafts[next]?.text).toBe("half a thought");
    expect(asked).toContainEqual({ type: "saveDraft", session: next, text: "half a thought" });
  });

  it("brings it there once, though another device did so before", async () => {
    const { next } = useDrafts.getState();
    useDrafts.setState({ drafts: { s1: { text: "half", kept: "half", seen: 4 }, [next]: { text: "half a thought", kept: "half a thought", seen: 5 } } });
    opened();
    render(<DeletedSession session="s1" />);
    await userEvent.click(screen.getByTestId("deleted-go-on"));
    expect(useDrafts.getState().drafts[next]?.text).toBe("half a thought");
  });

  it("offers a new one where nothing was begun", async () => {
    opened();
    render(<DeletedSession session="s1" />);
    expect(screen.queryByTestId("deleted-draft")).toBeNull();
    await userEvent.click(screen.getByTestId("deleted-go-on"));
    expect(useInterface.getState().place).toEqual({ type: "new" });
    expect(asked.filter((request) => request.type === "saveDraft")).toEqual([]);
  });
});

describe("the composer", () => {
  it("steers with Enter and queues with Ctrl+Enter while a run is on", async () => {
    render(<SessionComposer open={opened({ run })} />);
    expect(composer().placeholder).toBe("Steer the answer…");
    await userEvent.type(composer(), "shorter{Enter}");
    await userEvent.type(composer(), "then tests{Control>}{Enter}{/Control}");
    expect(acts()).toEqual([
      { type: "sendPrompt", text: "shorter", delivery: "steer" },
      { type: "sendPrompt", text: "then tests", delivery: "queue" },
    ]);
    expect(composer().value).toBe("");
  });

  it("sends nothing in the middle of an input method's composition", () => {
    render(<SessionComposer open={opened()} />);
    fireEvent.change(composer(), { target: { value: "にほん" } });
    fireEvent.keyDown(composer(), { key: "Enter", isComposing: true });
    fireEvent.keyDown(composer(), { key: "Enter", keyCode: 229 });
    expect(acts()).toEqual([]);
    fireEvent.keyDown(composer(), { key: "Enter" });
    expect(acts()).toEqual([{ type: "sendPrompt", text: "にほん", delivery: "queue" }]);
  });

  it("interrupts a paused queue with the next prompt", async () => {
    render(<SessionComposer open={opened({ queue: { ...noQueue, paused: "stopped" } })} />);
    await userEvent.type(composer(), "this first{Enter}");
    expect(acts()).toEqual([{ type: "sendPrompt", text: "this first", delivery: "interrupt" }]);
  });

  it("gives a refused text back, before what was typed since, and says why", async () => {
    answer = () => ({ type: "refused", error: { code: "queue_full", message: "The queue is full.", hint: "Remove one." } });
    render(<SessionComposer open={opened()} />);
    await userEvent.type(composer(), "do not lose me{Enter}");
    await waitFor(() => expect(composer().value).toBe("do not lose me"));
    expect(useInterface.getState().problem?.message).toBe("The queue is full.");
  });

  it("says before sending that an agent cannot be steered", () => {
    render(<SessionComposer open={opened({ run: { ...run, canSteer: false } })} />);
    expect(screen.getByTestId("composer-note").textContent).toBe("This agent cannot be steered. Your text is queued instead.");
    expect(screen.getByTestId<HTMLInputElement>("delivery-steer").disabled).toBe(true);
    expect(screen.getByTestId("send").dataset.delivery).toBe("queue");
  });

  it("turns Stop to Stopping at once, and acts again on a second press", async () => {
    answer = () => ({ type: "queued", command: "stop-1" });
    render(<SessionComposer open={opened({ run })} />);
    fireEvent.click(screen.getByTestId("stop"));
    expect(screen.getByTestId("stop").textContent).toContain("Stopping…");
    fireEvent.click(screen.getByTestId("stop"));
    await waitFor(() => expect(acts()).toHaveLength(2));
    expect(acts()[0]).toEqual({ type: "stopRun", target: { type: "run", run: "r1" }, scope: "tree" });
  });

  it("stops everything from its menu", async () => {
    render(<SessionComposer open={opened({ run })} />);
    await userEvent.click(screen.getByTestId("stop-menu"));
    await userEvent.click(screen.getByTestId("stop-menu-all"));
    expect(acts()).toEqual([{ type: "stopRun", target: { type: "run", run: "r1" }, scope: "session" }]);
  });

  it("stops a prompt whose run has not begun", async () => {
    const item = { prompt: "p9", text: "x", by: me, at: 0, delivery: "queue", state: { type: "accepted" } } as const;
    render(<SessionComposer open={opened({ queue: { ...noQueue, items: [item] } })} />);
    await userEvent.click(screen.getByTestId("stop"));
    expect(acts()).toEqual([{ type: "stopRun", target: { type: "prompt", prompt: "p9" }, scope: "tree" }]);
  });

  it("takes back the last queued one with Up", async () => {
    const item = { prompt: "p9", text: "on second thought", by: me, at: 0, delivery: "queue", state: { type: "accepted" } } as const;
    render(<SessionComposer open={opened({ run, queue: { ...noQueue, items: [item] } })} />);
    await userEvent.type(composer(), "{ArrowUp}");
    expect(acts()).toEqual([{ type: "withdrawPrompt", prompt: "p9" }]);
    await waitFor(() => expect(composer().value).toBe("on second thought"));
  });

  it("puts the cursor behind what was begun", async () => {
    useDrafts.setState({ drafts: { s1: { text: "half", kept: "half", seen: 4 } } });
    render(<SessionComposer open={opened()} />);
    expect(document.activeElement).toBe(composer());
    await userEvent.keyboard(" a thought");
    expect(composer().value).toBe("half a thought");
  });

  it("keeps what is typed on this device, and goes on with what another one typed", async () => {
    render(<SessionComposer open={opened()} />);
    await userEvent.type(composer(), "half");
    await waitFor(() => expect(asked).toContainEqual({ type: "saveDraft", session: "s1", text: "half" }));
    const draft = (text: string, seq: number, by = me) => ({ session: "s1", isBegun: true, text, seq, by });
    act(() => followDrafts([draft("half", 4)]));
    act(() => followDrafts([draft("half a thought", 5, laptop)]));
    expect(composer().value).toBe("half a thought");
    await userEvent.type(composer(), "!{Enter}");
    expect(composer().value).toBe("");
    act(() => followDrafts([]));
    expect(composer().value).toBe("");
    saveDrafts();
    expect(asked.filter((request) => request.type === "saveDraft")).toHaveLength(1);
  });

  it("lets a stop that waits for the hub be taken back", async () => {
    useInterface.setState({ stopPressed: { aim: "r1", command: "stop-1" } });
    render(<SessionComposer open={opened({ run: { ...run, stopping: "waitingForHub" } })} />);
    expect(screen.getByTestId("stop-waits").textContent).toContain("Stop is sent when the hub is back");
    await userEvent.click(screen.getByTestId("stop-cancel"));
    expect(asked).toContainEqual({ type: "cancelIntent", command: "stop-1" });
  });
});

describe("a new session", () => {
  it("takes the focus each time that it is asked for", async () => {
    render(
      <>
        <button type="button">elsewhere</button>
        <NewSessionComposer />
      </>,
    );
    act(() => screen.getByText("elsewhere").focus());
    await act(beginNewSession);
    expect(document.activeElement).toBe(composer());
  });
});

describe("the queue", () => {
  const item = (prompt: string, by = me) => ({ prompt, text: `text of ${prompt}`, by, at: 0, delivery: "queue", state: { type: "accepted" } }) as const;

  it("names the device that a prompt came from, and moves, sends now, edits and removes", async () => {
    render(<QueuePanel open={opened({ run, queue: { ...noQueue, items: [item("a", laptop), item("b"), item("c")] } })} />);
    const row = (prompt: string) => within(screen.getByTestId(`queue-item-${prompt}`));
    expect(screen.getByTestId("queue-item-a").textContent).toContain("from Laptop");
    expect(row("b").getByTestId("queue-place").textContent).toBe("2");
    await userEvent.click(row("b").getByTestId("queue-up"));
    await userEvent.click(row("b").getByTestId("queue-down"));
    fireEvent.keyDown(row("c").getByTestId("queue-edit"), { key: "ArrowUp", altKey: true });
    await userEvent.click(row("a").getByTestId("queue-sendNow"));
    await userEvent.click(row("a").getByTestId("queue-remove"));
    await userEvent.click(row("b").getByTestId("queue-edit"));
    await userEvent.type(screen.getByTestId("queue-edit-text"), " more{Enter}");
    await userEvent.click(screen.getByTestId("queue-pause"));
    expect(acts()).toEqual([
      { type: "movePrompt", prompt: "b", before: "a" },
      { type: "movePrompt", prompt: "b" },
      { type: "movePrompt", prompt: "c", before: "b" },
      { type: "sendPromptNow", prompt: "a" },
      { type: "withdrawPrompt", prompt: "a" },
      { type: "editPrompt", prompt: "b", text: "text of b more" },
      { type: "pauseQueue" },
    ]);
  });

  it("says who paused it, and resumes", async () => {
    render(<QueuePanel open={opened({ queue: { ...noQueue, paused: "stopped", pausedBy: laptop, items: [item("a")] } })} />);
    expect(screen.getByTestId("queue-paused").textContent).toBe("Queue paused by Stop · Laptop");
    await userEvent.click(screen.getByTestId("queue-resume"));
    expect(acts()).toEqual([{ type: "resumeQueue" }]);
  });

  it("offers Retry and Cancel where it is not known whether it was sent", async () => {
    const unknown = { ...item("a"), state: { type: "unknown" } } as const;
    render(<QueuePanel open={opened({ run, queue: { ...noQueue, items: [unknown] } })} />);
    await userEvent.click(screen.getByTestId("queue-retry"));
    await userEvent.click(screen.getByTestId("queue-cancel"));
    expect(asked.map((request) => request.type)).toEqual(["retryIntent", "cancelIntent"]);
  });
});

describe("rows", () => {
  const show = (body: RowBody) => render(<Row session="s1" row={{ id: "7", seq: 7, at: Date.now(), run: "r1", body }} mark="none" onSettled={() => {}} />);

  it("say who stopped a run, what was cancelled and what still runs, and offer Retry", async () => {
    const { header } = opened();
    const retry = (retryable: string) => useConversation.setState(({ open }) => ({ open: open && { ...open, header: header && { ...header, retryable } } }));
    retry("r1");
    show({
      type: "runEnd",
      outcome: { type: "stopped", by: laptop },
      durationMs: 8000,
      teardown: { toolsCancelled: 2, stillRunning: ["cargo test"] },
    });
    expect(screen.getByTestId("run-outcome").textContent).toBe("Stopped by Laptop · 2 tools cancelled · 1 still running: cargo test");
    expect(screen.getByTestId("run-usage").textContent).toBe("8 s · — tokens");
    await userEvent.click(screen.getByTestId("retry-run"));
    expect(acts()).toEqual([{ type: "retryRun", run: "r1" }]);
    act(() => retry("r2"));
    expect(screen.queryByTestId("retry-run")).toBeNull();
  });

  it("carry their kind, state and exact length for tests", () => {
    opened();
    show({ type: "text", text: "so *far*", state: "interrupted" });
    const row = screen.getByTestId("row-7");
    expect([row.dataset.rowKind, row.dataset.state, row.dataset.length]).toEqual(["text", "interrupted", "8"]);
    expect(screen.getByTestId("interrupted")).toBeTruthy();
  });

  it("keep reasoning folded, with its time", async () => {
    opened();
    show({ type: "reasoning", text: "because", state: "complete", durationMs: 4200 });
    expect(screen.queryByTestId("reasoning-text")).toBeNull();
    expect(screen.getByTestId("reasoning-fold").textContent).toContain("Thought for 4 s");
    await userEvent.click(screen.getByTestId("reasoning-fold"));
    expect(screen.getByTestId("reasoning-text").textContent).toContain("because");
  });
});

describe("markdown", () => {
  it("announces blocks once they have settled, and only those that settled here", () => {
    const said: string[] = [];
    const onSettled = (blocks: readonly string[]) => said.push(...blocks);
    const { rerender } = render(<Markdown text={"one\n\ntw"} progress="growing" onSettled={onSettled} />);
    rerender(<Markdown text={"one\n\ntwo\n\nthree\n\nfour\n"} progress="growing" onSettled={onSettled} />);
    rerender(<Markdown text={"one\n\ntwo\n\nthree\n\nfour\n"} progress="whole" onSettled={onSettled} />);
    expect(said).toEqual(["two\n\n", "three\n\n", "four\n"]);
  });

  it("asks before it opens a link, and opens no other than https", async () => {
    const open = vi.fn();
    render(
      <OpenLinkContext value={open}>
        <Markdown text={"[a](https://example.org/x) [b](http://example.org) [c](javascript:alert(1)) <b>raw</b>"} progress="whole" />
      </OpenLinkContext>,
    );
    expect(screen.getAllByRole("link")).toHaveLength(1);
    await userEvent.click(screen.getByRole("link"));
    expect(open).toHaveBeenCalledWith("https://example.org/x");
    expect(screen.queryByText("raw")?.tagName).not.toBe("B");
  });
});

describe("for everyone", () => {
  const violations = async (element: HTMLElement) =>
    (await axe.run(element, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } })).violations.map((each) => each.id);

  it("axe finds nothing in the composer, the queue, the list and the first start", async () => {
    const item = { prompt: "a", text: "x", by: laptop, at: 0, delivery: "queue", state: { type: "accepted" } } as const;
    const open = opened({ run, queue: { ...noQueue, items: [item] } });
    useConversation.setState({
      sessions: [{ session: "s1", title: "A title", state: { type: "running", startedAt: 0 }, updatedAt: 0, queued: 1 }],
    });
    const status = { state: "failed", message: "m", profile: "p", deviceName: "d", keyring: "missing", local: true, version: "1" } as const;
    const { container, unmount } = render(
      <main>
        <SessionsList />
        <QueuePanel open={open} />
        <SessionComposer open={open} />
      </main>,
    );
    expect(await violations(container)).toEqual([]);
    unmount();
    const start = render(<StartView status={status} onAsk={() => {}} />);
    expect(await violations(start.container)).toEqual([]);
  });

  it("a start that failed for want of a keyring goes on by itself when the token has a place", async () => {
    const shell = fakeShell(new URLSearchParams());
    const startAgain = vi.spyOn(shell, "startAgain");
    choosePlatformForTest({ kind: "fake", request: () => new Promise(() => {}), onFrame: () => Promise.resolve(() => {}), shell });
    const failed = { ...(await shell.status()), state: "failed", keyring: "missing", message: "This system has no keyring." } as const;
    render(<StartView status={failed} onAsk={() => {}} />);
    await act(async () => screen.getByTestId("use-token-file").click());
    expect(startAgain).toHaveBeenCalledOnce();
  });

  it("a fault in drawing can be tried again and tells that nothing is lost", async () => {
    const silenced = vi.spyOn(console, "error").mockImplementation(() => {});
    let faulty = true;
    const Fragile = () => {
      if (faulty) throw new Error("no such row");
      return <p>fine</p>;
    };
    render(
      <ErrorBoundary>
        <Fragile />
      </ErrorBoundary>,
    );
    expect(screen.getByRole("alert").textContent).toContain("Your conversation is safe");
    faulty = false;
    await act(async () => screen.getByRole("button").click());
    expect(screen.getByText("fine")).toBeTruthy();
    silenced.mockRestore();
  });
});
