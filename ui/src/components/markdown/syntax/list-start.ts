/** Numbers a piece of a long list on from the piece before it, whatever number its own first item was given. */
import type { Root } from "mdast";
import type { Plugin } from "unified";

export const remarkListStart: Plugin<[number], Root> = function remarkListStart(start) {
  return (tree) => {
    const [list] = tree.children;
    if (list?.type === "list" && list.ordered === true) list.start = start;
  };
};
