/**
 * Colours for settled code. A worker finds them, one block at a time. A grammar may need seconds for a line, so a block that takes too long
 * ends the worker and stays without colours; the window never waits.
 */
import { type CodeLines, type ColorAnswer, type ColorRequest, isColorable, languageOf } from "./highlight.logic";

/** The worker's time limit for a block, including the loading of its grammar. */
const BLOCK_MS_MAX = 10_000;
/** Rows that scroll away and come back find their colours here. */
const CACHED_BLOCKS_MAX = 200;

interface Wanted extends ColorRequest {
  readonly stop: AbortSignal;
  readonly done: (lines: CodeLines | undefined) => void;
}

/** `undefined` marks code without colours. */
const cache = new Map<string, CodeLines | undefined>();
const waiting: Wanted[] = [];
let worker: Worker | undefined;
let current: { wanted: Wanted; deadline: ReturnType<typeof setTimeout> } | undefined;

export function cachedHighlight(code: string, language: string): CodeLines | undefined {
  return cache.get(keyOf(code, language));
}

/** The code's tokens; undefined if the language is unknown, the block is too large, the worker gives up or `stop` comes first. */
export async function highlight(code: string, language: string, stop: AbortSignal): Promise<CodeLines | undefined> {
  const known = languageOf(language);
  if (known === undefined || !isColorable(code) || typeof Worker === "undefined") return undefined;
  const key = keyOf(code, language);
  if (cache.has(key)) return cache.get(key);
  return new Promise((done) => {
    waiting.push({ code, language: known, stop, done });
    next();
  });
}

function next(): void {
  if (current) return;
  let wanted = waiting.shift();
  while (wanted?.stop.aborted) {
    wanted.done(undefined);
    wanted = waiting.shift();
  }
  if (!wanted) return;
  current = { wanted, deadline: setTimeout(() => giveUp(), BLOCK_MS_MAX) };
  worker ??= startWorker();
  const { code, language } = wanted;
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage({ code, language } satisfies ColorRequest);
}

function startWorker(): Worker {
  const started = new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module", name: "colours" });
  started.addEventListener("message", ({ data }: MessageEvent<ColorAnswer>) => settle(data.lines));
  started.addEventListener("error", () => giveUp());
  return started;
}

/** Ends a worker that does not answer or could not be loaded. */
function giveUp(): void {
  worker?.terminate();
  worker = undefined;
  settle(undefined);
}

function settle(lines: CodeLines | undefined): void {
  if (!current) return;
  const { wanted, deadline } = current;
  clearTimeout(deadline);
  current = undefined;
  if (cache.size >= CACHED_BLOCKS_MAX) cache.delete(cache.keys().next().value ?? "");
  cache.set(keyOf(wanted.code, wanted.language), lines);
  wanted.done(lines);
  next();
}

function keyOf(code: string, language: string): string {
  return `${languageOf(language) ?? ""}\n${code}`;
}
