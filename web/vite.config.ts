import { defineConfig, type Plugin } from "vite";

// One file out of three: the page must open from file:// with no server and no network, where a
// module script with a src is refused. Script and style take the places of their tags.
function singleFile(): Plugin {
  return {
    name: "single-file",
    enforce: "post",
    generateBundle(_, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("single-file: no index.html in the bundle");
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") {
          const tag = new RegExp(`<script type="module"[^>]*src="[^"]*${file.fileName}"></script>`);
          const code = file.code.replaceAll("</script", "<\\/script");
          html = html.replace(tag, "");
          html = html.replace("</body>", () => `<script type="module">${code}</script>\n</body>`);
        } else if (name.endsWith(".css")) {
          const tag = new RegExp(`<link rel="stylesheet"[^>]*href="[^"]*${file.fileName}">`);
          html = html.replace(tag, () => `<style>${file.source}</style>`);
        } else {
          continue;
        }
        delete bundle[name];
      }
      if (/<(script|link)[^>]+(src|href)="(?!data:)/.test(html.replace(/<script type="module">[^]*/, "")))
        throw new Error("single-file: something is still loaded from beside the page");
      page.source = html;
    },
  };
}

// Two pages: `vite build` makes the report, one file; `vite build --mode app` makes what `lineage
// serve` opens on, three files, since its Content-Security-Policy allows no script in a page.
const common = { target: "es2022", modulePreload: false, cssCodeSplit: false, chunkSizeWarningLimit: 2000, reportCompressedSize: false };

export default defineConfig(({ mode }) => mode === "app"
  ? {
      esbuild: { jsx: "automatic", jsxImportSource: "preact" },
      build: {
        ...common,
        outDir: "dist-app",
        rollupOptions: {
          input: "app.html",
          output: { entryFileNames: "assets/app.js", assetFileNames: "assets/app[extname]", inlineDynamicImports: true },
        },
      },
    }
  : {
      base: "./",
      plugins: [singleFile()],
      build: { ...common, assetsInlineLimit: Number.MAX_SAFE_INTEGER },
    });
