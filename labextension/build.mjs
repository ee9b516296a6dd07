// Bundles what runs in browsers: node build.mjs [folder]. Without a folder the files go to their places in the package.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";

const folder = process.argv[2];
const NOTEBOOK = folder ?? "../flyte_nb/_notebook/static";
const SERVER = folder ?? "../flyte_nb/_server/static";
const LAB = folder === undefined ? "lab" : `${folder}/lab`;
await Promise.all([NOTEBOOK, SERVER].map((place) => mkdir(place, { recursive: true })));

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  loader: { ".css": "text" },
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: "/* Built from labextension/ by make frontend. Contains Preact (MIT) and DOMPurify (Apache-2.0). */" },
};
await Promise.all([
  build({ ...common, entryPoints: ["src/cell/widget.ts"], outfile: `${NOTEBOOK}/widget.js` }),
  build({ ...common, entryPoints: ["src/page/page.tsx"], outfile: `${SERVER}/page.js` }),
  build({ ...common, entryPoints: ["src/lab/index.ts"], outfile: `${LAB}/build/index.js`, external: ["@jupyterlab/*", "@lumino/*"] }),
]);

// The frame of a report as a file, for pages with a policy of their own.
const frame = await build({ ...common, entryPoints: ["src/report/frame_page.ts"], write: false });
const { framePage } = await import(`data:text/javascript;base64,${Buffer.from(frame.outputFiles[0].contents).toString("base64")}`);
await writeFile(`${SERVER}/report.html`, framePage(false));
await writeFile(`${SERVER}/report-internet.html`, framePage(true));

// JupyterLab shares its own modules with extensions by webpack's module federation, which its builder makes.
if (folder !== undefined) for (const part of ["package.json", "schema", "core", "webpack.config.cjs"]) await cp(`lab/${part}`, `${LAB}/${part}`, { recursive: true });
const builder = resolve("node_modules/@jupyterlab/builder/lib/build-labextension.js");
execFileSync(process.execPath, [builder, "--core-path", resolve(LAB, "core"), "."], {
  cwd: LAB,
  stdio: ["ignore", "ignore", "inherit"],
});
await rm(`${LAB}/prebuilt/schemas/flyte-nb/package.json.orig`);
