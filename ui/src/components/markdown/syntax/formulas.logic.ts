/**
 * Decides whether text between formula marks is a formula. Marks alone prove nothing: `\[OPTIONS\]` is an escaped bracket, `$$` a shell's
 * process id.
 */

export type FormulaMarks = "parentheses" | "brackets" | "dollars";

/** The limit of characters between the marks. The longest derivations in textbooks have about a thousand. */
export const FORMULA_CHARS_MAX = 2_000;
/** The limit of nested braces and `\left`s. Engines cannot lay out a deeper tree in reasonable time. */
export const FORMULA_DEPTH_MAX = 24;
/** The most letters that a product such as `ABC` may have; a longer one is a word. */
const PRODUCT_LETTERS_MAX = 3;

/** Whether `content`, found between formula marks in running text, is a formula. */
export function looksLikeFormula(content: string, marks: FormulaMarks): boolean {
  const text = content.trim();
  if (text === "" || text.length > FORMULA_CHARS_MAX) return false;
  if (/\\[a-zA-Z]/.test(text)) return true;
  // `--output=FILE`, `KEY=VALUE`, `-v`: the arguments of a command.
  if (/^--?[A-Za-z]/.test(text) || /[A-Za-z]{2}=[A-Za-z]{2}/.test(text)) return false;
  if (/[\^=<>+*/]|[A-Za-z}]_/.test(text)) return true;
  const words = text.split(/\s+/);
  if (words.length > 1) return marks !== "brackets" && words.every((word) => word.length <= 2) && /\d|[-]/.test(text);
  // `\[1\]` and `\[x\]` are an escaped citation and an escaped index.
  return marks !== "brackets" && !new RegExp(`[\\p{L}]{${PRODUCT_LETTERS_MAX + 1}}`, "u").test(text) && /^[\p{L}\p{N}(]/u.test(text);
}

/** Whether a formula is within the limits for drawing; otherwise its source is shown. */
export function isDrawable(source: string): boolean {
  if (source.length > FORMULA_CHARS_MAX) return false;
  let depth = 0;
  let deepest = 0;
  for (const [mark] of source.matchAll(/\\[a-zA-Z]+|\\.|[{}]/gs)) {
    if (mark === "{" || mark === "\\left" || mark === "\\begin") depth += 1;
    else if (mark === "}" || mark === "\\right" || mark === "\\end") depth -= 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest <= FORMULA_DEPTH_MAX;
}
