import { randomOf } from "../random";
import { HOSTILE } from "./hostile";
import { ordinary } from "./ordinary";

/** What stands before each line of a piece: containers, and text that makes a paragraph of what follows. */
const PREFIXES = ["", "", "", "> ", "- ", "  ", "    ", "1. ", "a ", "| "];
const BETWEEN = ["", "\n", "\n\n", " "];

/** A document of pieces of hostile and ordinary ones, put into one another at random. The same seed gives the same document. */
export function mixed(seed: number, chars: number): string {
  const random = randomOf(seed);
  const pick = <T,>(from: readonly T[]): T => from[random(from.length)] as T;
  const recipes = [...Object.values(HOSTILE), ordinary];
  const count = 1 + random(8);
  let text = "";
  for (let piece = 0; piece < count; piece += 1) {
    const whole = pick(recipes)(1 + random(chars / count));
    const from = random(3) === 0 ? random(whole.length) : 0;
    const prefix = pick(PREFIXES);
    const lines = whole.slice(from);
    text += (prefix === "" ? lines : lines.replaceAll("\n", `\n${prefix}`)) + pick(BETWEEN);
  }
  return text;
}
