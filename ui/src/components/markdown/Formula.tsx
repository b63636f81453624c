import { useEffect, useRef, useState } from "react";
import { isDrawable } from "./syntax/formulas.logic";
import { soon } from "./work";

type Katex = typeof import("katex").default;

let loaded: Katex | undefined;
let loading: Promise<Katex> | undefined;

/** Loads KaTeX with the first formula. It draws MathML, which needs no style sheet, no fonts and no raw HTML. */
function loadKatex(): Promise<Katex> {
  loading ??= import("katex").then((module) => {
    loaded = module.default;
    return module.default;
  });
  return loading;
}

/** A formula. Shows its source until it is drawn, or if it cannot be. Formulas are drawn one after the other, between other work. */
export function Formula({ source, display }: { source: string; display: "block" | "inline" }) {
  const place = useRef<HTMLSpanElement>(null);
  const [state, setState] = useState<"source" | "drawn">("source");
  useEffect(() => {
    if (!isDrawable(source)) return undefined;
    let cancel: (() => void) | undefined;
    let wanted = true;
    const draw = ({ render }: Pick<Katex, "render">) => {
      if (!wanted) return;
      cancel = soon(() => {
        if (place.current) setState(drawInto(place.current, source, display, render));
      });
    };
    if (loaded) draw(loaded);
    else loadKatex().then(draw, () => {});
    return () => {
      wanted = false;
      cancel?.();
    };
  }, [source, display]);
  const frame = display === "block" ? "block overflow-x-auto py-1 text-center" : "inline";
  return (
    <span dir="ltr" className={`${frame} ${state === "drawn" ? "" : "font-mono text-sm"}`} data-testid="formula" data-state={state}>
      {/* After drawing, KaTeX owns the content of this element, so another source gets another element. */}
      <span key={source} ref={place}>
        {source}
      </span>
    </span>
  );
}

function drawInto(place: HTMLElement, source: string, display: "block" | "inline", render: Katex["render"]): "source" | "drawn" {
  try {
    render(source, place, { output: "mathml", displayMode: display === "block", throwOnError: true, strict: "ignore", trust: false, maxExpand: 300 });
    return "drawn";
  } catch {
    place.textContent = source;
    return "source";
  }
}
