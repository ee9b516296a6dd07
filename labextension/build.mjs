// Bundles the renderer into one module without imports: node build.mjs [where to]
import { build } from "esbuild";

await build({
  entryPoints: ["src/cell/widget.ts"],
  outfile: process.argv[2] ?? "../flyte_nb/_notebook/static/widget.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  loader: { ".css": "text" },
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: "/* Built from labextension/ by make frontend. Contains Preact (MIT) and DOMPurify (Apache-2.0). */" },
});
