import { type ReactNode, use } from "react";
import { linkTarget, namesItsHost } from "./links.logic";
import { OpenLinkContext } from "./open-link";

/** A link in a text: https only, with its host next to it if its words hide that, and never followed without asking. */
export function ExternalLink({ href, label, children }: { href: string | undefined; label: string; children: ReactNode }) {
  const open = use(OpenLinkContext);
  const target = linkTarget(href);
  if (target.type === "none") {
    const shown = target.text !== "" && target.text !== label;
    return (
      <span>
        {children}
        {shown && <span className="text-ink-muted"> ({target.text})</span>}
      </span>
    );
  }
  return (
    <>
      <a
        href={target.url}
        title={target.url}
        data-testid="external-link"
        className="text-accent underline decoration-1 underline-offset-2"
        onClick={(event) => {
          event.preventDefault();
          open(target.url);
        }}
        onAuxClick={(event) => event.preventDefault()}
      >
        {children}
      </a>
      {!namesItsHost(label, target.host) && <span className="text-ink-muted"> ({target.host})</span>}
    </>
  );
}
