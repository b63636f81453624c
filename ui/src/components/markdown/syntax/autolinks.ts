/**
 * Ends bare addresses where Chinese, Japanese or Korean text continues: `https://example.org/a。次` is an address and a sentence. GFM ends
 * them only at spaces, which such text does not have. An address that contains such letters needs `<…>` or `[…](…)`.
 */
import type { Link, Parent, Root } from "mdast";

const CJK_AT = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/;

/** A transformer that ends a bare address where CJK text begins. */
export function endAutolinks() {
  return (tree: Root): void => endIn(tree);
}

function endIn(parent: Parent): void {
  for (let place = 0; place < parent.children.length; place += 1) {
    const child = parent.children[place];
    if (!child || !("children" in child)) continue;
    const rest = child.type === "link" ? cut(child) : "";
    if (rest !== "") parent.children.splice(place + 1, 0, { type: "text", value: rest });
    if (child.type !== "link") endIn(child);
  }
}

/** Cuts a bare address, and returns the text that was not part of it. */
function cut(link: Link): string {
  const [text] = link.children;
  if (link.children.length !== 1 || text?.type !== "text" || !isBare(link, text.value)) return "";
  const at = text.value.search(CJK_AT);
  if (at <= 0) return "";
  const rest = text.value.slice(at);
  text.value = text.value.slice(0, at);
  link.url = link.url.slice(0, link.url.length - rest.length);
  return rest;
}

/** A bare link is as long as its text: it has no marks of `<…>` or `[…](…)`. */
function isBare(link: Link, text: string): boolean {
  if (!link.url.endsWith(text)) return false;
  const from = link.position?.start.offset;
  const to = link.position?.end.offset;
  return from === undefined || to === undefined || to - from === text.length;
}
