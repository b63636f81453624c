/**
 * Work on the main thread that can wait: colours, formulas, blocks of a long answer. It is done a little at a time, and between two tasks
 * the window takes keys and clicks and draws.
 */

/** How long the work of one task goes on. A piece that has begun is finished. */
const TASK_MS_MAX = 8;

const waiting: (() => void)[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Does `piece` when its turn comes; gives what cancels it. */
export function soon(piece: () => void): () => void {
  waiting.push(piece);
  timer ??= setTimeout(work, 0);
  return () => {
    const at = waiting.indexOf(piece);
    if (at !== -1) waiting.splice(at, 1);
  };
}

/** Waits for a turn. */
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
