import { CopyButton } from "../../../components/CopyButton";
import { Icon } from "../../../components/Icon";
import { PlainText } from "../../../components/markdown/PlainText";
import type { RowBody } from "../../../generated/RowBody";
import { t } from "../../../i18n/i18n";
import { rawText } from "../rows.logic";

/** Shows the source text of a row that could not be drawn. The other rows, the composer and *Stop* are not affected. */
export function RawRow({ body }: { body: RowBody }) {
  const text = rawText(body);
  return (
    <div className="rounded-lg border border-dashed border-line-strong px-3 py-2" data-testid="row-raw">
      <p className="flex items-center gap-1.5 pb-1 text-sm text-ink-muted">
        <Icon name="alert" className="size-3.5" />
        <span className="grow">{t("row.raw")}</span>
        <CopyButton text={() => text} label={t("row.copyText")} testId="row-raw-copy" />
      </p>
      <PlainText text={text} />
    </div>
  );
}
