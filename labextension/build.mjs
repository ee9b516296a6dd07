// Bundles what runs in browsers: node build.mjs [folder]. Without a folder the files go to their places in the package.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";

const folder = process.argv[2];
const NOTEBOOK = folder === undefined ? "../flyte_nb/_notebook/static" : `${folder}/notebook`;
const SERVER = folder === undefined ? "../flyte_nb/_server/static" : `${folder}/server`;
const LAB = folder === undefined ? "lab" : `${folder}/lab`;
await Promise.all([NOTEBOOK, SERVER].map((place) => mkdir(place, { recursive: true })));

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  metafile: true,
  loader: { ".css": "text" },
  define: { "process.env.NODE_ENV": '"production"' },
  banner: { js: "/* Built from labextension/ by make frontend. What it contains of others: LICENSES.txt. */" },
};
const [cell, page, lab] = await Promise.all([
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

// Beside each bundle, the licences of the packages that are in it. JupyterLab shows those in the JSON under Help; its builder
// finds none, because it is given one file.
await writeFile(`${NOTEBOOK}/LICENSES.txt`, licencesText("widget.js contains", await packagesIn(cell)));
await writeFile(`${SERVER}/LICENSES.txt`, licencesText("page.js contains", await packagesIn(page)));
const inLab = await packagesIn(lab);
await writeFile(`${LAB}/prebuilt/static/LICENSES.txt`, licencesText("This extension contains", inLab));
await writeFile(`${LAB}/prebuilt/static/third-party-licenses.json`, `${JSON.stringify({ packages: inLab }, null, 2)}\n`);

/** The packages that a bundle took something from, in the form of JupyterLab's licence reports. */
async function packagesIn({ metafile }) {
  const [{ inputs }] = Object.values(metafile.outputs);
  const used = Object.keys(inputs).filter((input) => inputs[input].bytesInOutput > 0);
  const folders = new Set(used.flatMap((input) => input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []));
  return Promise.all([...folders].sort().map(describePackage));
}

async function describePackage(place) {
  const { name, version, license } = JSON.parse(await readFile(`${place}/package.json`, "utf8"));
  const texts = (await readdir(place)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  if (texts.length === 0) throw new Error(`${name} brings no text of its licence, which must be shipped with what contains it`);
  const extractedText = (await Promise.all(texts.map((file) => readFile(`${place}/${file}`, "utf8")))).join("\n");
  return { name, versionInfo: version, licenseId: license, extractedText };
}

function licencesText(title, packages) {
  const parts = packages.map((found) => `${found.name} ${found.versionInfo}, ${found.licenseId}\n\n${found.extractedText.trim()}\n`);
  return [`${title}:\n`, ...parts].join(`\n${"-".repeat(80)}\n\n`);
}
