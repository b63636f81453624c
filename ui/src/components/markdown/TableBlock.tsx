import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import type { Pluggable, PluggableList } from "unified";
import { t } from "../../i18n/i18n";
import type { Block } from "./blocks.logic";
import { isAffordable } from "./budget.logic";
import { COMPONENTS } from "./elements";
import { PlainText } from "./PlainText";
import { HANDLERS } from "./syntax/references";
import { rowGroups, type RowGroup } from "./table.logic";

/** A table, or a piece of a long one. Its rows are parsed and drawn in groups, of which only the last one grows. */
export function TableBlock({ block, plugins }: { block: Block; plugins: PluggableList }) {
  const { groups, layout } = rowGroups(block);
  if (!groups.every((group) => isAffordable(group.source, "block"))) return <PlainText text={block.text} />;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard
    <div className="overflow-x-auto" role="region" aria-label={t("table.label")} tabIndex={0}>
      <table className={layout === "even" ? "w-full table-fixed" : ""}>
        {groups.map((group, place) => (
          <Rows key={place} source={group.source} shows={group.shows} plugins={plugins} />
        ))}
      </table>
    </div>
  );
}

const Rows = memo(function Rows({ source, shows, plugins }: RowGroup & { plugins: readonly Pluggable[] }) {
  return (
    <ReactMarkdown remarkPlugins={[...plugins]} remarkRehypeOptions={HANDLERS} components={shows === "all" ? ALL : BODY} urlTransform={asWritten}>
      {source}
    </ReactMarkdown>
  );
});

const ALL: Components = { ...COMPONENTS.settled, table: ({ children }) => children };
const BODY: Components = { ...ALL, thead: () => null };
const asWritten = (url: string) => url;
