/**
 * The HTML that a text may use: `<br>`, and pairs of `<sub>`, `<sup>`, `<kbd>`, `<mark>`, all without attributes. The parser's own HTML is
 * off, so every other `<` is text: nothing is scanned to the end of the document for a `-->`, and nothing can be injected.
 *
 * `<details>` spans blocks, so the block splitter recognises it (`blocks.logic.ts`).
 */
import type { Literal, Parent, PhrasingContent, Root } from "mdast";
import type { CompileContext, Extension as FromMarkdownExtension, Token as FromMarkdownToken } from "mdast-util-from-markdown";
import type { Code, Effects, Extension, State } from "micromark-util-types";

type Pair = "sub" | "sup" | "kbd" | "mark";
const PAIRS: readonly string[] = ["sub", "sup", "kbd", "mark"] satisfies Pair[];

/** One tag; `pairTags` turns pairs into elements and the rest into text. */
export interface SafeTagNode extends Literal {
  type: "safeTag";
  name: string;
  place: "open" | "close";
}
export interface SafeElementNode extends Parent {
  type: "safeElement";
  children: PhrasingContent[];
  data: { hName: Pair };
}

declare module "mdast" {
  interface PhrasingContentMap {
    safeTag: SafeTagNode;
    safeElement: SafeElementNode;
  }
  interface RootContentMap {
    safeTag: SafeTagNode;
    safeElement: SafeElementNode;
  }
}

declare module "micromark-util-types" {
  interface TokenTypeMap {
    safeTag: "safeTag";
  }
}

const LESS_THAN = 60;
const GREATER_THAN = 62;
/** The longest tags are `</mark>` and `<br />`. */
const TAG_CHARS_MAX = 7;

export function safeTagSyntax(): Extension {
  return { text: { [LESS_THAN]: { name: "safeTag", tokenize: tokenizeTag } }, disable: { null: ["htmlFlow", "htmlText"] } };
}

function tokenizeTag(effects: Effects, ok: State, nok: State): State {
  let tag = "";
  return (code) => {
    effects.enter("safeTag");
    return within(code);
  };
  function within(code: Code): State | undefined {
    if (code === null || code < 0 || tag.length === TAG_CHARS_MAX) return nok(code);
    effects.consume(code);
    tag += String.fromCharCode(code);
    if (code !== GREATER_THAN) return within;
    effects.exit("safeTag");
    return readTag(tag) ? ok : nok;
  }
}

function readTag(tag: string): { name: string; place: "open" | "close" } | undefined {
  if (/^<br ?\/?>$/i.test(tag)) return { name: "br", place: "open" };
  const [, slash, name] = /^<(\/?)([a-z]+)>$/i.exec(tag) ?? [];
  const lower = name?.toLowerCase();
  return lower !== undefined && PAIRS.includes(lower) ? { name: lower, place: slash === "/" ? "close" : "open" } : undefined;
}

export function safeTagFromMarkdown(): FromMarkdownExtension {
  function enterTag(this: CompileContext, token: FromMarkdownToken): void {
    const value = this.sliceSerialize(token);
    const tag = readTag(value);
    if (tag?.name === "br") this.enter({ type: "break" }, token);
    else this.enter({ type: "safeTag", name: tag?.name ?? "", place: tag?.place ?? "open", value }, token);
  }
  function exitTag(this: CompileContext, token: FromMarkdownToken): void {
    this.exit(token);
  }
  return { enter: { safeTag: enterTag }, exit: { safeTag: exitTag } };
}

/** A transformer that turns each pair of tags among siblings into an element, and tags without a partner into text. */
export function pairTags() {
  return (tree: Root): void => pairIn(tree);
}

function pairIn(parent: Parent): void {
  for (const child of parent.children) if ("children" in child) pairIn(child);
  if (!parent.children.some((child) => child.type === "safeTag")) return;
  /** The open elements, outermost first, each with the children before it. */
  const open: { tag: SafeTagNode; before: Parent["children"] }[] = [];
  let current: Parent["children"] = [];
  for (const child of parent.children) {
    if (child.type !== "safeTag") current.push(child);
    else if (child.place === "open") {
      open.push({ tag: child, before: current });
      current = [];
    } else if (open.at(-1)?.tag.name === child.name) {
      const { tag, before } = open.pop() as (typeof open)[number];
      before.push({ type: "safeElement", children: current as PhrasingContent[], data: { hName: tag.name as Pair } });
      current = before;
    } else current.push({ type: "text", value: child.value });
  }
  for (const { tag, before } of open.toReversed()) {
    for (const child of [{ type: "text", value: tag.value } as const, ...current]) before.push(child);
    current = before;
  }
  parent.children = current;
}
