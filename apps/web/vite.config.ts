import { defaultClientConditions, defineConfig, type Plugin } from "vite";
import { noticeText, thirdPartyOf } from "../../tools/src/third-party.ts";

/** Writes the licences of others' code beside the page that has it. */
function notice(): Plugin {
  return {
    name: "notice",
    generateBundle(_options, bundle) {
      const files = Object.values(bundle).flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
      this.emitFile({ type: "asset", fileName: "THIRD-PARTY.txt", source: noticeText(thirdPartyOf(files)) });
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["source", ...defaultClientConditions] },
  build: {
    outDir: "bundle",
    emptyOutDir: true,
    // A policy that lets nothing but the server's own files in has no place for data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // Whatever NODE_ENV says, what is built is what people get: without the paths of its sources.
  oxc: { jsx: { development: false } },
  plugins: [notice()],
});
