import { defineConfig } from "vitest/config";

/** What only a real engine can show: scrolling, layout, the content security policy, time. Needs `npm run build` and a Chromium. */
export default defineConfig({
  test: { environment: "node", include: ["test/browser/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
});
