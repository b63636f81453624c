import { describe, expect, it } from "vitest";
import { randomOf } from "../../../test/random";
import { FOLLOWING, type Following, follow, followedTop, isUpKey, missedCount } from "./following.logic";

const at = (top: number, height: number, appended = 0) => ({ type: "scrolled", top, height, viewport: 500, appended }) as const;
const atEnd: Following = follow(FOLLOWING, at(1500, 2000));

describe("following", () => {
  it("goes on while the content grows and the end is kept", () => {
    const grown = follow(follow(atEnd, at(1500, 2100)), at(1600, 2100));
    expect(grown.mode).toBe("following");
  });

  it("stops with the first push up, before the scroll itself is seen", () => {
    expect(follow(atEnd, { type: "pushedUp", appended: 4 })).toMatchObject({ mode: "reading", appendedWhenLeft: 4 });
  });

  it("stops when the scroller went up by a few pixels, however near the end that is", () => {
    const left = follow(atEnd, at(1495, 2000, 4));
    expect(left.mode).toBe("reading");
    expect(follow(left, at(1495, 2000, 4)).mode).toBe("reading");
  });

  it("is not stopped by content that shrinks, nor by content that shrank and grew again before anybody looked", () => {
    expect(follow(atEnd, at(1300, 1800)).mode).toBe("following");
    expect(follow(atEnd, at(1400, 2010)).mode).toBe("following");
    expect(follow(atEnd, { type: "settled", top: 1400, height: 2000, viewport: 500 }).mode).toBe("following");
  });

  it("is not stopped by a window whose height changes", () => {
    expect(follow(atEnd, { ...at(1400, 2000), viewport: 600 }).mode).toBe("following");
  });

  it("goes no farther than what was unfolded allows", () => {
    expect(followedTop(1500, undefined)).toBe(1500);
    expect(followedTop(1500, 1700)).toBe(1500);
    expect(followedTop(1500, 900)).toBeLessThan(900);
    expect(followedTop(1500, 0)).toBe(0);
  });

  it("that was held back resumes once the end is in view, unless a person went away meanwhile", () => {
    const held = follow(atEnd, { type: "heldBack", appended: 3 });
    expect(held).toMatchObject({ mode: "reading", appendedWhenLeft: 3 });
    const grown = follow(held, { type: "settled", top: 1500, height: 2300, viewport: 500 });
    expect(grown.mode).toBe("reading");
    const folded = { type: "settled", top: 1500, height: 2005, viewport: 500 } as const;
    expect(follow(grown, folded).mode).toBe("following");
    const away = follow(grown, { type: "pushedUp", appended: 4 });
    expect(follow(away, folded).mode).toBe("reading");
  });

  it("is stopped by a scroll that follows a settling", () => {
    const settled = follow(atEnd, { type: "settled", top: 1600, height: 2100, viewport: 500 });
    expect(follow(settled, at(1580, 2100, 2))).toMatchObject({ mode: "reading", appendedWhenLeft: 2 });
  });

  it("is not stopped by a push where nothing can scroll", () => {
    expect(follow(FOLLOWING, { type: "pushedUp", appended: 0 }).mode).toBe("following");
  });

  it("comes back at the end, and by the jump", () => {
    const reading = follow(atEnd, at(700, 2000, 1));
    expect(follow(reading, at(1200, 2000, 1)).mode).toBe("reading");
    expect(follow(reading, at(1495, 2000, 1)).mode).toBe("following");
    expect(follow(reading, { type: "jumped" }).mode).toBe("following");
  });

  it("counts what came since it was left", () => {
    const reading = follow(atEnd, at(700, 2000, 10));
    expect(missedCount(reading, 13)).toBe(3);
    expect(missedCount(atEnd, 13)).toBe(0);
  });

  it("never resumes by itself: growth alone leaves a reader where they are", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = randomOf(seed);
      let state = follow(atEnd, at(200 + random(1200), 2000, 1));
      const { top } = state;
      let height = 2000;
      for (let step = 0; step < 50; step += 1) {
        height += random(60);
        state = follow(state, at(top, height, 1 + step));
        expect(state.mode, `seed ${seed}`).toBe("reading");
      }
    }
  });

  it("knows the keys that push up", () => {
    expect(["PageUp", "ArrowUp", "Home"].every((key) => isUpKey(key, false))).toBe(true);
    expect(isUpKey(" ", true)).toBe(true);
    expect(isUpKey(" ", false)).toBe(false);
    expect(isUpKey("End", false)).toBe(false);
  });
});
