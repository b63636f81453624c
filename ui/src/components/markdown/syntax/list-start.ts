/** Continues the numbering of a long list in its next piece, whatever number that piece's first item has in the source. */
import type { Root } from "mdast";
import type { Plugin } from "unified";

export const remarkListStart: Plugin<[number], Root> = function remarkListStart(start) {
  return (tree) => {
    const [list] = tree.children;
    if (list?.type === "list" && list.ordered === true) list.start = start;
  };
};
