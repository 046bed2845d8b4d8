import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Summaries and descriptions of the contract are for the API's document; the browser shows none and need not load them. */
const contractWithoutProse: Plugin = {
  name: "contract-without-prose",
  enforce: "pre",
  transform: {
    filter: { id: /\/packages\/contract\/src\/[^/]+\.ts$/ },
    handler: (code) =>
      code
        .replaceAll(/\.describe\(\s*(?:"[^"\\]*"|`[^`\\$]*`),?\s*\)/g, "")
        .replaceAll(/\bsummary:\s*(?:"[^"\\]*"|`[^`\\$]*`),/g, 'summary: "",'),
  },
};

export default defineConfig({
  base: "/",
  plugins: [contractWithoutProse, react(), tailwindcss()],
  build: {
    target: "es2023",
    // Inlined files would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // Vite's preload helper is enough for current browsers; the polyfill would be one more script.
    modulePreload: { polyfill: false },
  },
});
