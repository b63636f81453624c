/** Names for people. The account has names by id; everything else gets a fallback name. */
import type { AccountView } from "../generated/AccountView";
import type { Principal } from "../generated/Principal";
import type { SessionHeader } from "../generated/SessionHeader";
import { t } from "../i18n/i18n";

export function principalId(principal: Principal): string | undefined {
  switch (principal.type) {
    case "device":
      return principal.device;
    case "runner":
      return principal.runner;
    case "hub":
      return undefined;
  }
}

export function isThisDevice(account: AccountView | undefined, principal: Principal): boolean {
  const me = account && principalId(account.me);
  return me !== undefined && me === principalId(principal);
}

export function nameOf(account: AccountView | undefined, principal: Principal): string {
  const id = principalId(principal);
  if (id === undefined) return t("who.hub");
  return account?.names[id] ?? t(principal.type === "runner" ? "who.unnamedRunner" : "who.unnamedDevice");
}

export function runnerName(account: AccountView | undefined, runner: string): string {
  return account?.names[runner] ?? t("who.unnamedRunner");
}

/** An agent's name for people; its id if the account does not know it. Runners may name agents with the same id differently. */
export function agentName(account: AccountView | undefined, agent: string | undefined, runner?: string): string {
  if (agent === undefined || agent === "") return account?.agents[0]?.agent.name ?? "Assistant";
  const offers = account?.agents.filter((offered) => offered.agent.id === agent) ?? [];
  const own = offers.find((offered) => offered.runner === runner);
  return (own ?? (runner === undefined ? offers[0] : undefined))?.agent.name ?? agent;
}

/** The runner that a session's answers come from: that of the current run, else the one that the session was started for. */
export function runnerOf(header: SessionHeader | undefined): string | undefined {
  return header?.run?.runner ?? header?.runner;
}

/** The name of a session's own runner, or of the only one that offers its agent; undefined if there are several or none. */
export function onlyRunnerOf(account: AccountView | undefined, agent: string | undefined, own?: string): string | undefined {
  if (own !== undefined) return runnerName(account, own);
  const runners = new Set(account?.agents.filter((offered) => offered.agent.id === agent).map((offered) => offered.runner));
  const [runner] = runners;
  return runners.size === 1 && runner !== undefined ? runnerName(account, runner) : undefined;
}

/** The names of the other devices that are connected now, without runners. */
export function otherDevicesOnline(account: AccountView | undefined): string[] {
  if (!account) return [];
  const me = principalId(account.me);
  const runners = new Set(account.agents.map((offered) => offered.runner));
  return account.online.filter((id) => id !== me && !runners.has(id)).map((id) => account.names[id] ?? t("who.unnamedDevice"));
}
