/** Line icons on a 16 px grid. They always have words next to them or a labelled button around them, so screen readers skip them. */
const PATHS = {
  add: "M8 3v10M3 8h10",
  alert: "M8 2.2 14.3 13H1.7L8 2.2ZM8 6.4v3M8 11.2v.1",
  arrowDown: "M8 3v10M4 9l4 4 4-4",
  arrowUp: "M8 13V3M4 7l4-4 4 4",
  bolt: "M9 1.8 3.5 9H8l-1 5.2L12.5 7H8l1-5.2Z",
  check: "M3 8.5 6.5 12 13 4.5",
  chevronDown: "m4 6 4 4 4-4",
  chevronRight: "m6 4 4 4-4 4",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M6 6h7.3v7.3H6zM10 6V2.7H2.7V10H6",
  cut: "M2 8h3.2M10.8 8H14M7.2 4.5l-1.4 7M10.2 4.5l-1.4 7",
  device: "M2.5 3h11v7.5h-11zM6 13.2h4M8 10.5v2.7",
  dot: "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  edit: "M3 13h2.5L13 5.5 10.5 3 3 10.5V13Z",
  flag: "M4 14V2.5h8L10 6l2 3.5H4",
  gear: "M2.5 4.5h6M12.5 4.5h1M2.5 11.5h1M7.5 11.5h6M10.5 6.3a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM5.5 13.3a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
  inbox: "M2.5 9 4 3h8l1.5 6v4h-11V9Zm0 0H6l.8 1.7h2.4L10 9h3.5",
  link: "M6.8 9.2a2.7 2.7 0 0 0 3.9 0l2-2a2.76 2.76 0 0 0-3.9-3.9l-.8.8M9.2 6.8a2.7 2.7 0 0 0-3.9 0l-2 2a2.76 2.76 0 0 0 3.9 3.9l.8-.8",
  offline: "M2 2l12 12M2.2 6.8A8.5 8.5 0 0 1 5 5m3-.6c2.2 0 4.3.9 5.8 2.4M4.7 9.4A4.7 4.7 0 0 1 7 8.1M8 12.3v.1",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6L12.5 8 5 3.2Z",
  queue: "M3 4h10M3 8h10M3 12h6",
  retry: "M3 8a5 5 0 1 0 1.6-3.7L3 5.8M3 2.6v3.2h3.2",
  search: "M7.2 11.8a4.6 4.6 0 1 0 0-9.2 4.6 4.6 0 0 0 0 9.2ZM10.6 10.6 13.5 13.5",
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  sidebar: "M2.5 3h11v10h-11zM6.3 3v10",
  spark: "M8 2v3.5M8 10.5V14M2 8h3.5M10.5 8H14",
  steer: "M3 13c0-5 3-7 9.5-7M9.3 2.8 12.7 6 9.3 9.2",
  stop: "M4 4h8v8H4z",
  thought: "M8 2.5c3 0 5.5 1.9 5.5 4.4S11 11.3 8 11.3c-.6 0-1.2-.1-1.7-.2L3.5 13l.4-2.9A4 4 0 0 1 2.5 6.9C2.5 4.4 5 2.5 8 2.5Z",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5 5 13h6l.5-8.5",
  unread: "M8 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z",
  wrap: "M2.5 4h11M2.5 8h9a2 2 0 0 1 0 4H8.5M10 10.3 8.3 12l1.7 1.7M2.5 12h3",
} as const;

export type IconName = keyof typeof PATHS;
const FILLED: readonly IconName[] = ["unread", "dot", "stop", "play"];

export function Icon({ name, className = "" }: { name: IconName; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 16 16"
      className={`size-4 shrink-0 ${className}`}
      fill={FILLED.includes(name) ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
