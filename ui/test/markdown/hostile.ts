/**
 * Documents that hurt Markdown parsers: the pathological cases of cmark and of its extensions, and those of this project. Each is a
 * recipe for a document of any size, so that a test can ask how its cost grows.
 */

/** Gives a document of about `chars` characters. */
export type Recipe = (chars: number) => string;

const repeat = (unit: string): Recipe => (chars) => unit.repeat(Math.max(1, Math.floor(chars / unit.length)));
const around = (open: string, middle: string, close: string): Recipe => (chars) => {
  const count = Math.max(1, Math.floor((chars - middle.length) / (open.length + close.length)));
  return open.repeat(count) + middle + close.repeat(count);
};
/** Pieces numbered 0, 1, 2 … until the document is long enough. */
const numbered = (piece: (number: number) => string, head = ""): Recipe => (chars) => {
  const pieces = [head];
  for (let length = head.length, number = 0; length < chars; number += 1) {
    const next = piece(number);
    pieces.push(next);
    length += next.length;
  }
  return pieces.join("");
};

function wideTable(chars: number): string {
  const columns = Math.max(2, Math.floor(chars / 7));
  return `${"|a".repeat(columns)}\n${"|-".repeat(columns)}\n${"|a\n".repeat(columns)}`;
}

export const HOSTILE: Record<string, Recipe> = {
  // Tables: short rows that are filled up to the width of the header.
  "table, wide and filled up": wideTable,
  "table, one wide row": (chars) => `${"|a".repeat(chars / 4)}\n${"|-".repeat(chars / 4)}\n`,
  "table, many rows": numbered((row) => `| ${row} | **b** | \`c\` |\n`, "| # | b | c |\n|---|---|---|\n"),
  "table, header without rows": repeat("|"),
  "table, delimiters only": repeat("|-"),
  "table, many headers": repeat("|a|b|\n|-|-|\n"),
  "table, escaped pipes": numbered(() => "| \\| \\| |\n", "| a |\n|---|\n"),
  "table in a quote": numbered(() => "> |a\n", `> ${"|a".repeat(40)}\n> ${"|-".repeat(40)}\n`),
  "table in a list": numbered(() => "  |a\n", `- ${"|a".repeat(40)}\n  ${"|-".repeat(40)}\n`),
  // Containers.
  "quotes, nested": repeat(">"),
  "quotes, nested with spaces": repeat("> "),
  "lists, nested": repeat("- "),
  "lists, numbered and nested": repeat("1. "),
  "quotes and lists, nested in turn": repeat("> - 1. "),
  "lists, deeper by the line": (chars) => Array.from({ length: Math.floor(Math.sqrt(chars)) }, (_, depth) => `${"  ".repeat(depth)}- a\n`).join(""),
  "quotes, deeper by the line": (chars) => Array.from({ length: Math.floor(Math.sqrt(chars * 2)) }, (_, depth) => `${">".repeat(depth)} a\n`).join(""),
  "list, one long": numbered((item) => `- item ${item} with **bold** and \`code\`\n`),
  "list, one long and numbered": numbered((item) => `${item + 1}. item\n`),
  "list, one long and loose": numbered(() => "- a\n\n"),
  "list, empty items": repeat("-\n"),
  "list, markers that change": repeat("- a\n+ b\n* c\n"),
  "list, blank lines within": (chars) => `- a\n${"\n".repeat(chars)}  b`,
  "list, tasks": numbered(() => "- [x] done\n- [ ] open\n"),
  "list in a quote, lazy": (chars) => `> - a\n${"lazy\n".repeat(chars / 5)}`,
  "footnotes, nested": (chars) => Array.from({ length: Math.floor(Math.sqrt(chars / 2)) }, (_, depth) => `${"    ".repeat(depth)}[^${depth}]: a\n\n`).join(""),
  "indentation, deep": (chars) => `${" ".repeat(chars / 2)}a\n${" ".repeat(chars / 2)}b`,
  "indentation, tabs": repeat("\t"),
  "indentation, tabs in a list": (chars) => `- a\n${"\t".repeat(chars)}b`,
  // Emphasis.
  "emphasis, unclosed": repeat("*a **b"),
  "emphasis, opened": repeat("**a "),
  "emphasis, closed": repeat("a** "),
  "emphasis, nested": around("*a **a ", "b", " a** a*"),
  "emphasis, underscores and stars": repeat("*_* "),
  "emphasis, rule of three": repeat("a***b_"),
  "emphasis, in words": repeat("a*a_a"),
  "emphasis, stars alone": repeat("*"),
  "emphasis, underscores alone": repeat("_"),
  "emphasis, stars apart": repeat("* "),
  "emphasis, strong in strong": around("**", "a", "**"),
  "emphasis, tildes": repeat("~~a "),
  "emphasis, tildes alone": repeat("~"),
  "emphasis beside CJK": repeat("**「太字」**です*"),
  // Links and pictures.
  "links, opening brackets": repeat("["),
  "links, closing brackets": repeat("]"),
  "links, brackets nested": around("[", "a", "]"),
  "links, brackets in pairs": repeat("[]"),
  "links, labels": repeat("[a]"),
  "links, unclosed targets": repeat("[a](<b"),
  "links, unclosed addresses": repeat("[a](b"),
  "links, unclosed titles": repeat('[a](b "'),
  "links, unclosed titles in brackets": repeat("[a](b ("),
  "links, parentheses nested": (chars) => `[a](${"(".repeat(chars)}`,
  "links, pictures nested": repeat("![[]()"),
  "links, pictures in pictures": around("![", "a", "](b)"),
  "links, hard with emphasis": repeat("**x [a*b**c*](d)"),
  "links, labels that are long": (chars) => `[${"a".repeat(900)}] `.repeat(Math.max(1, chars / 903)),
  "links, escaped brackets": repeat("\\[a\\]"),
  "links, footnote calls": repeat("[^a]"),
  "definitions, many": numbered((each) => `[d${each}]: u${each}\n`),
  "definitions, many and used": numbered((each) => `[d${each}]: https://example.org/${each}\n\n[d${each}] `),
  "definitions, the same": repeat("[a]: b\n"),
  "definitions, unclosed titles": repeat('[a]: b "c\n'),
  "footnotes, a cycle": repeat("[^a]: [^b]\n[^b]: [^a]\n"),
  "footnotes, many": numbered((each) => `[^${each}]: note ${each}\n\nCall[^${each}].\n\n`),
  "footnotes, one called often": (chars) => `[^a]: note\n\n${"[^a] ".repeat(chars / 5)}`,
  // Code.
  "code, backticks of growing length": (chars) => Array.from({ length: Math.floor(Math.sqrt(chars * 2)) }, (_, length) => `e${"`".repeat(length)}`).join(""),
  "code, backticks apart": repeat("` a"),
  "code, backticks alone": repeat("`"),
  "code, fence never closed": (chars) => `\`\`\`js\n${"const a = [1, 2];\n".repeat(chars / 18)}`,
  "code, one long line": (chars) => `\`\`\`js\n${"a=[{".repeat(chars / 4)}\n\`\`\`\n`,
  "code, deep": (chars) => `\`\`\`json\n${"[".repeat(chars / 2)}${"]".repeat(chars / 2)}\n\`\`\`\n`,
  "code, an unclosed string": (chars) => `\`\`\`ts\n${"`${".repeat(chars / 3)}\n\`\`\`\n`,
  "code, many fences": repeat("```\na\n```\n"),
  "code, many fences of a language": repeat("```js\na\n```\n"),
  "code, indented": repeat("    a\n\n"),
  "code in a list": (chars) => `1. a\n\n   \`\`\`js\n${"   const a = 1;\n".repeat(chars / 16)}   \`\`\`\n`,
  // HTML.
  "html, comments": repeat("<!--"),
  "html, comments in a line": (chars) => `a ${"<!-- ".repeat(chars / 5)}`,
  "html, processing": repeat("a <?"),
  "html, CDATA": repeat("a <![CDATA["),
  "html, declarations": repeat("a <!A "),
  "html, opened tags": repeat("<a b "),
  "html, attributes": repeat('<a b="'),
  "html, less than": repeat("<"),
  "html, pairs that may be used": around("<sub>", "a", "</sub>"),
  "html, openings that may be used": repeat("<mark>"),
  "html, details": repeat("<details>\n"),
  "html, details in turn": repeat("<details>\n<summary>a</summary>\n\nb\n\n</details>\n\n"),
  "html, breaks": repeat("<br>"),
  // Addresses.
  "addresses, schemes": repeat("http://"),
  "addresses, www": repeat("www."),
  "addresses, mail": repeat("a@"),
  "addresses, mail without an at": repeat("a.-_"),
  "addresses, mail with dots": (chars) => `a@${"b.".repeat(chars / 2)}`,
  "addresses, closing parentheses": (chars) => `www.example.org/${")".repeat(chars)}`,
  "addresses, entities at the end": (chars) => `www.example.org/${"&amp;".repeat(chars / 5)}`,
  "addresses, ampersands": (chars) => `www.example.org/${"&a".repeat(chars / 2)}`,
  "addresses, many": repeat("https://example.org/a "),
  "addresses in angles": repeat("<https://a"),
  "addresses, xmpp": repeat("xmpp:a"),
  // Formulas.
  "formulas, opened in parentheses": repeat("\\("),
  "formulas, opened in brackets": repeat("\\["),
  "formulas, opened on lines": repeat("\\[\n"),
  "formulas, opened on lines with text": repeat("\\[\na\n"),
  "formulas, dollars": repeat("$$"),
  "formulas, dollars on lines": repeat("$$\n"),
  "formulas, many": repeat("\\(x^2\\) "),
  "formulas, displays": repeat("\\[\nx^2\n\\]\n\n"),
  "formulas, deep": (chars) => `$$${"\\sqrt{".repeat(chars / 7)}x${"}".repeat(chars / 7)}$$`,
  "formulas, fractions": (chars) => `$$${"\\frac{1}{".repeat(chars / 10)}x${"}".repeat(chars / 10)}$$`,
  "formulas, deep and small": repeat(`$$${"\\sqrt{".repeat(20)}x${"}".repeat(20)}$$\n\n`),
  "formulas, deep by scripts": (chars) => `$$${"x^{".repeat(chars / 4)}x${"}".repeat(chars / 4)}$$`,
  "formulas, macros": repeat("$$\\def\\a{\\a\\a}\\a$$ "),
  "formulas, matrices": repeat(`$$\\begin{matrix}${"1&2\\\\".repeat(60)}\\end{matrix}$$\n\n`),
  // Text.
  "text, one endless line": repeat("word "),
  "text, one endless word": repeat("a"),
  "text, one endless paragraph": repeat("a line of words\n"),
  "text, entities": repeat("&amp;"),
  "text, ampersands": repeat("&"),
  "text, numbers of characters": repeat("&#120"),
  "text, escapes": repeat("\\"),
  "text, escaped marks": repeat("\\*"),
  "text, line ends": repeat("\n"),
  "text, Windows' line ends": repeat("a\r\n"),
  "text, old line ends": repeat("a\r"),
  "text, blanks": repeat(" \n"),
  "text, nulls": repeat("\u0000"),
  "text, combining marks": repeat("e\u0301\u0301\u0301"),
  "text, directions": repeat("\u202ea\u2066"),
  "text, headings": repeat("# a\n"),
  "text, underlined": repeat("a\n=\n"),
  "text, rules": repeat("---\n"),
  "text, hashes": repeat("#"),
  "text, equal signs": (chars) => `a\n${"=".repeat(chars)}`,
  "text, hard breaks": repeat("a  \n"),
  "text, spaces before an end": (chars) => `a${" ".repeat(chars)}b`,
};
