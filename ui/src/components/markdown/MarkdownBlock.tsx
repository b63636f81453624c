import type { Element, ElementContent } from "hast";
import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import remarkMath from "remark-math";
import remend from "remend";
import { t } from "../../i18n/i18n";
import { CodeBlock, type CodeProgress } from "./CodeBlock";
import { ExternalLink } from "./ExternalLink";
import { Formula } from "./Formula";
import { mayHoldMath, withDollarMath } from "./math.logic";

const PLUGINS: NonNullable<Parameters<typeof ReactMarkdown>[0]["remarkPlugins"]> = [[remarkGfm, { singleTilde: false }]];
const PLUGINS_WITH_MATH: typeof PLUGINS = [...PLUGINS, [remarkMath, { singleDollarTextMath: false }]];
const SETTLED = components("settled");
const GROWING = components("growing");
/** Addresses are judged where they are rendered; nothing is fetched by itself, so there is nothing to rewrite. */
const asWritten = (url: string) => url;

/** One block, frozen: rendered again only when its text is another one, which a settled block's never is. */
export const SettledBlock = memo(function SettledBlock({ text }: { text: string }) {
  const math = mayHoldMath(text);
  return (
    <div className="block" dir="auto">
      <ReactMarkdown remarkPlugins={math ? PLUGINS_WITH_MATH : PLUGINS} components={SETTLED} urlTransform={asWritten}>
        {math ? withDollarMath(text) : text}
      </ReactMarkdown>
    </div>
  );
});

/** The open end: what is not closed yet is closed for the eye. */
export function TailBlock({ text }: { text: string }) {
  return (
    <div className="block" dir="auto">
      <ReactMarkdown remarkPlugins={PLUGINS} components={GROWING} urlTransform={asWritten}>
        {remend(withoutHalfFence(text), { linkMode: "text-only", singleTilde: false })}
      </ReactMarkdown>
    </div>
  );
}

/** The first backticks of a closing fence are not code. */
function withoutHalfFence(text: string): string {
  return text.replace(/\n[`~]{1,2}$/, "\n");
}

function components(progress: CodeProgress): Components {
  return {
    a: ({ href, children, node }) => (
      <ExternalLink href={href} label={node ? textOf(node) : ""}>
        {children}
      </ExternalLink>
    ),
    img: ({ src, alt }) => <RemoteImage src={typeof src === "string" ? src : ""} alt={alt ?? ""} />,
    code: ({ className, children }) => {
      const formula = className?.includes("math-inline") === true;
      return formula ? <Formula source={String(children)} display="inline" /> : <code className={className}>{children}</code>;
    },
    pre: ({ node }) =>
      progress === "settled" && languageOf(node) === "math" ? (
        <Formula source={node ? textOf(node).trim() : ""} display="block" />
      ) : (
        <CodeBlock code={node ? textOf(node).replace(/\n$/, "") : ""} language={languageOf(node)} progress={progress} />
      ),
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
}

/** Nothing is loaded by itself: a picture's address alone can carry words away. */
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
