import type { Element, ElementContent } from "hast";
import type { ReactNode } from "react";
import type { Components } from "react-markdown";
import { t } from "../../i18n/i18n";
import { CodeBlock, type CodeProgress } from "./CodeBlock";
import { ExternalLink } from "./ExternalLink";
import { Footnote, FootnoteCall } from "./Footnote";
import { Formula } from "./Formula";

/** The elements of our own syntax; `syntax/` creates them. */
interface OwnComponents {
  "x-formula": (props: { display?: "block" | "inline"; node?: Element }) => ReactNode;
  "x-footnote-call": (props: { label?: string; number?: string }) => ReactNode;
  "x-footnote": (props: { label?: string; number?: string; children?: ReactNode }) => ReactNode;
}

/** The component for each element of an answer. */
export const COMPONENTS: Record<CodeProgress, Components> = { settled: components("settled"), growing: components("growing") };

function components(progress: CodeProgress): Components {
  const own: OwnComponents = {
    "x-formula": ({ display, node }) => <Formula source={node ? textOf(node) : ""} display={display ?? "inline"} />,
    "x-footnote-call": ({ label, number }) => <FootnoteCall label={label ?? ""} number={number ?? ""} />,
    "x-footnote": ({ label, number, children }) => (
      <Footnote label={label ?? ""} number={number ?? ""}>
        {children}
      </Footnote>
    ),
  };
  const known: Components = {
    a: ({ href, children, node }) => (
      <ExternalLink href={href} label={node ? textOf(node) : ""}>
        {children}
      </ExternalLink>
    ),
    img: ({ src, alt }) => <RemoteImage src={typeof src === "string" ? src : ""} alt={alt ?? ""} />,
    pre: ({ node }) => <CodeBlock code={node ? textOf(node) : ""} language={languageOf(node)} progress={progress} />,
    table: ({ children }) => (
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard
      <div className="overflow-x-auto" role="region" aria-label={t("table.label")} tabIndex={0}>
        <table>{children}</table>
      </div>
    ),
    input: ({ checked }) => (
      <input
        type="checkbox"
        aria-label={t(checked === true ? "list.done" : "list.open")}
        checked={checked === true}
        readOnly
        disabled
        className="me-2 align-middle"
      />
    ),
  };
  return Object.assign(known, own);
}

/** Images are never loaded automatically: the address alone can leak data. */
function RemoteImage({ src, alt }: { src: string; alt: string }) {
  return (
    <span className="inline-flex max-w-full flex-wrap items-baseline gap-x-1 rounded border border-dashed border-line-strong px-2 py-0.5 text-sm" data-testid="image-placeholder">
      <span className="text-ink-muted">{t("image.notLoaded", { alt })}</span>
      <ExternalLink href={src} label={src}>
        {src}
      </ExternalLink>
    </span>
  );
}

function textOf(node: Element | ElementContent): string {
  if (node.type === "text") return node.value;
  return node.type === "element" ? node.children.map(textOf).join("") : "";
}

function languageOf(pre: Element | undefined): string {
  const code = pre?.children[0];
  const names = code?.type === "element" ? code.properties.className : undefined;
  const name = Array.isArray(names) ? names.find((each) => String(each).startsWith("language-")) : undefined;
  return name === undefined ? "" : String(name).slice("language-".length);
}
