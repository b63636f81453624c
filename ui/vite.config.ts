import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Relative, so that the same files work under Tauri's protocol and behind any path of a hub.
  base: "./",
  plugins: [react({ babel: { plugins: [["babel-plugin-react-compiler", {}]] } }), tailwindcss()],
  worker: { format: "es" },
  clearScreen: false,
  server: { port: 5173, strictPort: true },
  // No inline module preload polyfill: the content security policy forbids inline scripts.
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  test: {
    environment: "jsdom",
    setupFiles: ["./test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}", "test/*.test.{ts,tsx}"],
    css: false,
  },
});
