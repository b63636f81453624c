import { useEffect, useLayoutEffect, useRef, useState } from "react";

type Katex = typeof import("katex").default;

let loaded: Katex | undefined;
let loading: Promise<Katex> | undefined;

/** KaTeX comes with the first formula. It draws MathML, which needs no style sheet, no fonts and no raw HTML. */
function loadKatex(): Promise<Katex> {
  loading ??= import("katex").then((module) => {
    loaded = module.default;
    return module.default;
  });
  return loading;
}

/** A formula of a settled block. Its source stands there until it is drawn, and where it cannot be. */
export function Formula({ source, display }: { source: string; display: "block" | "inline" }) {
  const place = useRef<HTMLSpanElement>(null);
  const [katex, setKatex] = useState<{ render: Katex["render"] } | undefined>(loaded);
  useEffect(() => {
    let wanted = true;
    if (!katex) {
      loadKatex().then(
        (module) => {
          if (wanted) setKatex({ render: module.render });
        },
        // Its source is there.
        () => {},
      );
    }
    return () => {
      wanted = false;
    };
  }, [katex]);
  useLayoutEffect(() => {
    if (!katex || !place.current) return;
    try {
      katex.render(source, place.current, { output: "mathml", displayMode: display === "block", throwOnError: true, strict: "ignore", trust: false, maxExpand: 300 });
    } catch {
      place.current.textContent = source;
    }
  }, [katex, source, display]);
  const frame = display === "block" ? "block overflow-x-auto py-1 text-center" : "inline";
  return (
    <span dir="ltr" className={`${frame} ${katex ? "" : "font-mono text-sm"}`} data-testid="formula">
      <span ref={place}>{katex ? null : source}</span>
    </span>
  );
}
