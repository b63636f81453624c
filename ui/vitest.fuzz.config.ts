import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** `npm run fuzz:markdown`: as long as one likes, so not a part of `npm test`. */
export default defineConfig({
  plugins: [react()],
  test: { environment: "jsdom", setupFiles: ["./test/setup.ts"], include: ["test/markdown/fuzz.tsx"] },
});
