import type { Browser } from "playwright-core";

export function servePages(): Promise<{ origin: string; close: () => void }>;
export function launchChromium(): Promise<Browser>;
