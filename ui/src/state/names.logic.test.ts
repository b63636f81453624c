import { expect, it } from "vitest";
import type { AccountView } from "../generated/AccountView";
import { agentName, onlyRunnerOf } from "./names.logic";

const offered = (runner: string, name: string) => ({ runner, agent: { id: "assistant", name, model: "m", canSteer: true } });
const account: AccountView = {
  me: { type: "hub" },
  log: "account:a",
  names: { r1: "Attic", r2: "Cellar" },
  online: [],
  agents: [offered("r1", "Anna"), offered("r2", "Bert")],
};

it("names the agent of a session's own runner, and never another runner's", () => {
  expect(agentName(account, "assistant", "r2")).toBe("Bert");
  expect(agentName(account, "assistant", "gone")).toBe("assistant");
  expect(onlyRunnerOf(account, "assistant", "r2")).toBe("Cellar");
});

it("names no runner where several offer the agent and the session was begun for none", () => {
  expect(onlyRunnerOf(account, "assistant")).toBeUndefined();
});
