/**
 * Words without an end. WebKit lays out letters with combining marks with the square of a word's length, where it looks for a place to
 * break it; a word of 160 KB took it seconds.
 */

/** Such a word is cut into runs of this length. No word that is read is so long. */
const RUN_CHARS = 240;

/** The longest word that has combining marks, in UTF-16 units; 0 where there is none. */
export function longestMarkedWord(text: string): number {
  if (!/\p{M}/u.test(text)) return 0;
  let longest = 0;
  for (const [word] of text.matchAll(/\S+/g)) if (word.length > Math.max(longest, RUN_CHARS) && /\p{M}/u.test(word)) longest = word.length;
  return longest;
}

/** The text in runs that are each laid out alone; one run, but for endless words. A letter stays with its marks. */
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
