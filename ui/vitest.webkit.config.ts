import { defineConfig } from "vitest/config";

/** What only the desktop's own engine can show. Needs `npm run build`, WebKitGTK's MiniBrowser, WebKitWebDriver and a display (or xvfb-run). */
export default defineConfig({
  test: { environment: "node", include: ["test/webkit/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false },
});
