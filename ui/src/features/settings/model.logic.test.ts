import { describe, expect, it } from "vitest";
import { modelOptions } from "./model.logic";

const kept = { baseUrl: "https://api.example.com/v1", model: "m", hasKey: true };

describe("a model's settings", () => {
  it("keep the key for the server that it was kept for, and send it to no other", () => {
    const at = (baseUrl: string) => modelOptions({ baseUrl, model: "n", apiKey: "" }, kept).apiKey;
    expect(at("https://api.example.com/v2")).toEqual({ type: "kept" });
    expect(at("https://evil.example/v1")).toEqual({ type: "none" });
    expect(at("http://api.example.com/v1")).toEqual({ type: "none" });
    expect(at("not an address")).toEqual({ type: "none" });
  });

  it("send a new key without blanks, and no empty model", () => {
    expect(modelOptions({ baseUrl: " https://x/v1 ", model: " ", apiKey: " k " }, kept)).toEqual({ baseUrl: "https://x/v1", apiKey: { type: "new", key: "k" } });
  });
});
