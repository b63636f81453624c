export interface WebKitWindow {
  evaluate<A extends unknown[], T>(work: (...args: A) => T, ...args: A): Promise<Awaited<T>>;
  until<A extends unknown[], T>(work: (...args: A) => T, ...args: A): Promise<NonNullable<Awaited<T>>>;
  press(...keys: (string | string[])[]): Promise<unknown>;
  click(css: string): Promise<void>;
  close(): Promise<void>;
}
export const KEYS: Record<string, string>;
export function launchWebKit(address: string): Promise<WebKitWindow>;
