/** What a person can do, as requests. Each action shows a refusal to the person, and returns whether it was accepted. */
import type { CommandBody } from "../generated/CommandBody";
import type { CommandId } from "../generated/CommandId";
import type { LogId } from "../generated/LogId";
import type { SearchHit } from "../generated/SearchHit";
import type { SearchNote } from "../generated/SearchNote";
import type { Seq } from "../generated/Seq";
import type { SentDraft } from "../generated/SentDraft";
import type { SessionId } from "../generated/SessionId";
import type { StopScope } from "../generated/StopScope";
import type { StopTarget } from "../generated/StopTarget";
import type { ViewId } from "../generated/ViewId";
import type { ViewRequest } from "../generated/ViewRequest";
import type { ViewResponse } from "../generated/ViewResponse";
import { t } from "../i18n/i18n";
import { platform } from "../platform/platform";
import { useConversation } from "./conversation";
import { applyFrame, type OpenSession, openedSession } from "./conversation.logic";
import { followDrafts, joinDraft, saveDrafts, useDrafts } from "./drafts";
import { showProblem, useInterface } from "./interface";
import { lineOf } from "./line.logic";
import { uuidV7 } from "./uuid";

/** Rows at first and for each step back: enough for a tall window, few enough to paint at once. */
export const ROWS_AT_FIRST = 120;
export const ROWS_A_STEP = 120;

let lastView: ViewId = 0;
const nextView = (): ViewId => (lastView += 1);

/** Connects the frames and follows the sessions list. The app calls it once, when the shell is ready. */
export async function connect(): Promise<void> {
  await platform().onFrame((frame) => {
    useConversation.setState((state) => applyFrame(state, frame));
    if (frame.messages.some((message) => message.type === "drafts")) followDrafts(useConversation.getState().drafts);
  });
  window.addEventListener("blur", saveDrafts);
  window.addEventListener("pagehide", saveDrafts);
  const view = nextView();
  useConversation.setState({ sessionsView: view });
  await ask({ type: "openSessions", view });
}

/** Opens a session, and closes the one before; its draft stays. */
export async function openSession(session: SessionId): Promise<void> {
  useInterface.setState({ place: { type: "session", session }, revealed: undefined, drawer: "closed" });
  const before = useConversation.getState().open;
  if (before?.session === session) return;
  const view = nextView();
  useConversation.setState({ open: openedSession(view, session) });
  if (before) await ask({ type: "close", view: before.view });
  await ask({ type: "openSession", view, session, rows: ROWS_AT_FIRST });
}

export async function beginNewSession(): Promise<void> {
  const before = useConversation.getState().open;
  useInterface.setState(({ newAsked }) => ({ place: { type: "new" }, newAsked: newAsked + 1, drawer: "closed" }));
  useConversation.setState({ open: undefined });
  if (before) await ask({ type: "close", view: before.view });
}

/** Copies a draft that cannot be sent into the composer of a new session. */
export async function goOnInNewSession(text: string): Promise<void> {
  joinDraft(useDrafts.getState().next, text);
  await beginNewSession();
}

export async function startSession(agent: string, runner: string | undefined, text: string, draft: SentDraft): Promise<boolean> {
  const session = uuidV7();
  const agentRef = runner === undefined ? { agent } : { agent, runner };
  const response = await ask({ type: "startSession", session, agent: agentRef, text, draft });
  if (response.type === "refused") return false;
  await openSession(session);
  return true;
}

export async function loadOlder(view: ViewId): Promise<void> {
  await ask({ type: "loadOlder", view, rows: ROWS_A_STEP });
}

/**
 * Puts an intent into the outbox, with the seq of the draft that a prompt came from. Returns its id once it is durable there; undefined if
 * it was refused.
 */
export async function act(session: SessionId, body: CommandBody, draft?: Seq): Promise<CommandId | undefined> {
  const log: LogId = `session:${session}`;
  const response = await ask({ type: "act", log, body, ...(draft !== undefined && { draft }) });
  return response.type === "queued" ? response.command : undefined;
}

/**
 * Stops the run, or the prompt whose run is about to start. The screen says "Stopping…" in the same frame. Another press sends another
 * stop, which the hub answers too.
 */
export async function stop(session: SessionId, target: StopTarget, scope: StopScope): Promise<void> {
  const aim = stopAim(target);
  useInterface.setState({ stopPressed: { aim, command: undefined } });
  const command = await act(session, { type: "stopRun", target, scope });
  useInterface.setState({ stopPressed: command === undefined ? undefined : { aim, command } });
}

/** Cancels a stop that the hub has not answered. */
export async function cancelStop(): Promise<void> {
  const pressed = useInterface.getState().stopPressed;
  if (pressed?.command !== undefined && (await cancelIntent(pressed.command))) useInterface.setState({ stopPressed: undefined });
}

export function stopAim(target: StopTarget): string {
  return target.type === "run" ? target.run : target.prompt;
}

/** The target of a press on Stop: the run in progress, or the prompt that is about to start one. */
export function stopTargetOf(open: OpenSession | undefined): StopTarget | undefined {
  if (open?.header?.run) return { type: "run", run: open.header.run.run };
  const { queue } = open ?? {};
  if (!queue || queue.paused !== undefined || !queue.runnerOnline) return undefined;
  const next = queue.items.find((item) => item.state.type === "accepted" || item.state.type === "sending");
  return next && { type: "prompt", prompt: next.prompt };
}

export async function markRead(session: SessionId, seq: number): Promise<void> {
  // No person asked for this, so a refusal is not shown; the next end that comes into view marks again.
  await platform()
    .request({ type: "markRead", session, seq })
    .catch(() => undefined);
}

export async function retryIntent(command: CommandId): Promise<void> {
  await ask({ type: "retryIntent", command });
}

export async function cancelIntent(command: CommandId): Promise<boolean> {
  return (await ask({ type: "cancelIntent", command })).type !== "refused";
}

/** Discards a message of the outbox that this version cannot read. This cannot be undone. */
export async function discardOpaque(ordinal: number): Promise<void> {
  await ask({ type: "discardOpaque", ordinal });
}

/** The hits of a search, with a note for the person. */
export interface Found {
  hits: readonly SearchHit[];
  note?: SearchNote;
}

export async function search(query: string): Promise<Found> {
  const response = await ask({ type: "search", query, limit: 30 });
  return response.type === "found" ? response : { hits: [] };
}

/** Sends a request, and shows the reason if it is refused. Never rejects. */
async function ask(request: ViewRequest): Promise<ViewResponse> {
  let response: ViewResponse;
  try {
    response = withoutAccess(request) ?? (await platform().request(request));
  } catch (cause) {
    response = { type: "refused", error: { code: "internal", message: describe(cause), hint: t("problem.shell.hint") } };
  }
  if (response.type === "refused") showProblem(response.error.message, response.error.hint);
  return response;
}

/** Refuses what a device without access cannot do: it would wait in the outbox for a connection that does not come back. */
function withoutAccess(request: ViewRequest): ViewResponse | undefined {
  const { connection } = useConversation.getState();
  const sends = request.type === "act" || request.type === "startSession";
  if (!sends || lineOf(connection) !== "refused") return undefined;
  return { type: "refused", error: { code: connection?.problem?.code ?? "forbidden", message: t("problem.noAccess"), hint: connection?.problem?.hint ?? "" } };
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
