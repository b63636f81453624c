import { describe, expect, it } from "vitest";
import { mayHoldMath, withDollarMath } from "./math.logic";

describe("formulas", () => {
  it("are found in the ways in which models write them", () => {
    expect(withDollarMath("so \\(a^2\\) is")).toBe("so $$a^2$$ is");
    expect(withDollarMath("so\n\\[\na = b\n\\]\nis")).toBe("so\n\n$$\na = b\n$$\n\nis");
    expect(withDollarMath("$$x$$")).toBe("$$x$$");
  });

  it("are not looked for in code", () => {
    expect(withDollarMath("use `\\(x\\)` and ``a ` \\[b\\]`` here")).toBe("use `\\(x\\)` and ``a ` \\[b\\]`` here");
    expect(withDollarMath("```tex\n\\[x\\]\n```")).toBe("```tex\n\\[x\\]\n```");
  });

  it("are not made of money", () => {
    expect(mayHoldMath("from $5 to $10")).toBe(false);
    expect(mayHoldMath("$$x$$")).toBe(true);
  });
});
