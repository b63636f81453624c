/**
 * Link definitions and footnotes, which one block of a document defines and others use. Each block knows which labels it mentions; it gets
 * new references, and renders again, only when a label that it mentions becomes defined.
 */
import type { Block } from "./blocks.logic";
import { footnoteLabel, type LinkDefinition, linkDefinition } from "./lines.logic";

export interface Footnote {
  readonly label: string;
  /** The number, in the order in which the document mentions footnotes. */
  readonly number: number;
}

export interface References {
  readonly links: readonly LinkDefinition[];
  readonly footnotes: readonly Footnote[];
}

export const NO_REFERENCES: References = { links: [], footnotes: [] };

/** How many definitions of one document are remembered; a longer list is no longer a list of sources. */
const DEFINITIONS_MAX = 2_000;
/** How many labels of one block are looked up. */
const LABELS_MAX = 200;

export class DocumentReferences {
  #read = 0;
  readonly #links = new Map<string, LinkDefinition>();
  readonly #footnotes = new Set<string>();
  readonly #numbers = new Map<string, Footnote>();
  /** The blocks that mention each label. */
  readonly #mentions = new Map<string, Block[]>();
  readonly #references = new Map<Block, References>();

  /** Reads the blocks that have settled since the last call. */
  read(settled: readonly Block[]): void {
    const changed = new Set<Block>();
    for (; this.#read < settled.length; this.#read += 1) {
      const block = settled[this.#read];
      if (!block || block.kind === "code") continue;
      for (const key of this.#define(block)) for (const mention of this.#mentions.get(key) ?? []) changed.add(mention);
      const labels = labelsIn(block.text);
      for (const label of labels) {
        const key = keyOf(label);
        this.#number(label);
        const mentions = this.#mentions.get(key);
        if (mentions) mentions.push(block);
        else this.#mentions.set(key, [block]);
      }
      if (labels.length > 0) changed.add(block);
    }
    for (const block of changed) this.#references.set(block, this.#lookUp(block));
  }

  /** The references of a settled block. The same object until a label that the block mentions becomes defined. */
  of(block: Block): References {
    return this.#references.get(block) ?? NO_REFERENCES;
  }

  /** The references of a block that still grows and has not been read. */
  ofTail(block: Block): References {
    return block.kind === "code" || !block.text.includes("[") ? NO_REFERENCES : this.#lookUp(block);
  }

  #define(block: Block): string[] {
    const label = block.kind === "footnote" ? footnoteLabel(block.text) : undefined;
    const keys: string[] = [];
    const footnote = label === undefined ? undefined : keyOf(`^${label}`);
    if (footnote !== undefined && !this.#footnotes.has(footnote) && this.#footnotes.size < DEFINITIONS_MAX) {
      this.#footnotes.add(footnote);
      this.#number(`^${label}`);
      keys.push(footnote);
    }
    if (block.kind !== "prose" || !block.text.includes("]:")) return keys;
    for (const line of block.text.split(/\r\n?|\n/)) {
      const definition = linkDefinition(line);
      // Definitions come before a paragraph's text, not in it.
      if (!definition) break;
      const key = keyOf(definition.label);
      if (this.#links.has(key) || this.#links.size >= DEFINITIONS_MAX) continue;
      this.#links.set(key, definition);
      keys.push(key);
    }
    return keys;
  }

  #number(label: string): void {
    const key = keyOf(label);
    if (!label.startsWith("^") || this.#numbers.has(key)) return;
    this.#numbers.set(key, { label: label.slice(1), number: this.#numbers.size + 1 });
  }

  #lookUp(block: Block): References {
    const links: LinkDefinition[] = [];
    const footnotes: Footnote[] = [];
    for (const label of labelsIn(block.text)) {
      const key = keyOf(label);
      const link = this.#links.get(key);
      const footnote = this.#footnotes.has(key) ? this.#numbers.get(key) : undefined;
      if (link) links.push(link);
      if (footnote) footnotes.push(footnote);
    }
    return links.length + footnotes.length === 0 ? NO_REFERENCES : { links, footnotes };
  }
}

/** The text in brackets: `label`, and `^label` for a footnote. Each once. */
function labelsIn(text: string): readonly string[] {
  if (!text.includes("[")) return [];
  const labels = new Set<string>();
  for (const [, label] of text.matchAll(/\[([^[\]]{1,200})\]/g)) {
    if (label !== undefined) labels.add(label);
    if (labels.size === LABELS_MAX) break;
  }
  return [...labels];
}

/** Labels ignore case and runs of white space. */
function keyOf(label: string): string {
  return label.trim().replace(/\s+/g, " ").toLowerCase();
}
