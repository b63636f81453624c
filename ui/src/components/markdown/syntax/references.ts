/**
 * Lets a block use the link definitions and footnotes of other blocks. While the parser reads `[label]`, it asks whether the label is
 * defined, so it gets the labels before it starts; the targets of the definitions are added to the tree afterwards.
 */
import type { Element } from "hast";
import type { FootnoteDefinition, FootnoteReference, Parent, Root } from "mdast";
import type { State as HastState } from "mdast-util-to-hast";
import type { Construct, Extension, State } from "micromark-util-types";
import { normalizeIdentifier } from "micromark-util-normalize-identifier";
import type { Plugin } from "unified";
import type { References } from "../references.logic";

declare module "micromark-util-types" {
  interface ParseContext {
    gfmFootnotes?: string[];
  }
}

/** A construct that matches nothing: the parser tries it at the first line, before it reads any text. */
function seedSyntax(references: References): Extension {
  const links = references.links.map(({ label }) => normalizeIdentifier(label));
  const footnotes = references.footnotes.map(({ label }) => normalizeIdentifier(label));
  const seed: Construct = {
    name: "seedReferences",
    tokenize(_effects, _ok, nok): State {
      const { parser } = this;
      const known = (parser.gfmFootnotes ??= []);
      for (const link of links) if (!parser.defined.includes(link)) parser.defined.push(link);
      for (const footnote of footnotes) if (!known.includes(footnote)) known.push(footnote);
      return nok;
    },
  };
  return { document: { null: seed } };
}

export const remarkReferences: Plugin<[References], Root> = function remarkReferences(references) {
  const data = this.data();
  (data.micromarkExtensions ??= []).push(seedSyntax(references));
  const numbers = new Map(references.footnotes.map(({ label, number }) => [identifierOf(label), number]));
  return (tree) => {
    numberNotes(tree, numbers);
    for (const { label, url, title } of references.links) {
      tree.children.push({ type: "definition", identifier: identifierOf(label), label, url, title: title ?? null });
    }
  };
};

function numberNotes(parent: Parent, numbers: ReadonlyMap<string, number>): void {
  for (const child of parent.children) {
    if (child.type === "footnoteReference" || child.type === "footnoteDefinition") {
      child.data = { ...child.data, hProperties: { number: String(numbers.get(child.identifier) ?? child.label ?? child.identifier) } };
    }
    if ("children" in child) numberNotes(child, numbers);
  }
}

function identifierOf(label: string): string {
  return normalizeIdentifier(label).toLowerCase();
}

/** Footnote calls and notes stay where they are written; there is no list of notes at the end of each block. */
export const HANDLERS = {
  handlers: {
    footnoteReference: (_state: HastState, node: FootnoteReference): Element => ({
      type: "element",
      tagName: "x-footnote-call",
      properties: { label: node.label ?? node.identifier, number: numberOf(node) },
      children: [],
    }),
    footnoteDefinition: (state: HastState, node: FootnoteDefinition): Element => ({
      type: "element",
      tagName: "x-footnote",
      properties: { label: node.label ?? node.identifier, number: numberOf(node) },
      children: state.all(node),
    }),
  },
};

function numberOf(node: FootnoteReference | FootnoteDefinition): string {
  return String(node.data?.hProperties?.["number"] ?? node.label ?? node.identifier);
}
