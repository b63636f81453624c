/** Formulas as models write them. `$` alone is money; `$$`, `\(` and `\[` are formulas. */

/** Whether a settled block may hold a formula at all: most do not, and are spared the search. */
export function mayHoldMath(block: string): boolean {
  return block.includes("$$") || block.includes("\\(") || block.includes("\\[");
}

/** Turns `\(…\)` and `\[…\]` into `$$…$$`, but for what stands in code. */
export function withDollarMath(block: string): string {
  if (/^ {0,3}(```|~~~)/.test(block) || /^ {4}/.test(block)) return block;
  return block.replace(
    /(`+)[^`][\s\S]*?\1|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)/g,
    (whole: string, _ticks: string | undefined, display: string | undefined, inline: string | undefined) => {
      if (display !== undefined) return `\n$$\n${display.trim()}\n$$\n`;
      return inline === undefined ? whole : `$$${inline.trim()}$$`;
    },
  );
}
