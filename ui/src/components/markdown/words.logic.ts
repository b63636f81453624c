/**
 * Endless words. To find a line break, WebKit lays out letters with combining marks in time quadratic in the word's length: a word of
 * 160 KB took seconds.
 */

/** Endless words are cut into runs of this length. No real word is as long. */
const RUN_CHARS = 240;

/** The length of the longest endless word with combining marks, in UTF-16 units; 0 if there is none. */
export function longestMarkedWord(text: string): number {
  if (!/\p{M}/u.test(text)) return 0;
  let longest = 0;
  for (const [word] of text.matchAll(/\S+/g)) if (word.length > Math.max(longest, RUN_CHARS) && /\p{M}/u.test(word)) longest = word.length;
  return longest;
}

/** Splits a text into runs that are laid out separately; one run if it has no endless words. A letter stays with its marks. */
export function runsOf(text: string): readonly string[] {
  if (text.length <= RUN_CHARS || longestMarkedWord(text) === 0) return [text];
  const runs: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + RUN_CHARS);
    for (let back = 0; back < 20 && to < text.length && /[\p{M}\p{Cf}\p{Cs}]/u.test(text[to] ?? ""); back += 1) to -= 1;
    runs.push(text.slice(from, to));
    from = to;
  }
  return runs;
}
