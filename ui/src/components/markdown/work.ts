/**
 * Work on the main thread that can wait: colours, formulas, blocks of a long answer. It is done in short tasks, and between two of them the
 * window handles keys and clicks and draws.
 */

/** How long one task runs. A piece that has started is finished. */
const TASK_MS_MAX = 8;

const waiting: (() => void)[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Runs `piece` when its turn comes. Returns a function that cancels it. */
export function soon(piece: () => void): () => void {
  waiting.push(piece);
  timer ??= setTimeout(work, 0);
  return () => {
    const at = waiting.indexOf(piece);
    if (at !== -1) waiting.splice(at, 1);
  };
}

/** Resolves when its turn comes. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    soon(resolve);
  });
}

function work(): void {
  const end = performance.now() + TASK_MS_MAX;
  try {
    do waiting.shift()?.();
    while (waiting.length > 0 && performance.now() < end);
  } finally {
    timer = waiting.length > 0 ? setTimeout(work, 0) : undefined;
  }
}
