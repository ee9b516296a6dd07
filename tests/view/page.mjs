// A page without a browser: the store of a run, told what to do by lines of JSON, one answer each.
import { registerHooks } from "node:module";
import { createInterface } from "node:readline";

registerHooks({
  resolve: (name, context, next) => next(name.startsWith("./") && !/\.\w+$/.test(name) ? `${name}.ts` : name, context),
});
globalThis.requestAnimationFrame = () => 0; // nobody looks
const { RunStore } = await import("../../labextension/src/run/store.ts");

let store;
let said = [];
const begin = () => {
  store?.close();
  said = [];
  store = new RunStore("run", (message) => said.push(message));
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, argument] = JSON.parse(line);
  if (what === "begin") begin();
  else store[what](...(argument === undefined ? [] : [argument]));
  const rows = [...store.nodes.values()];
  process.stdout.write(`${JSON.stringify({ said, rows, open: [...store.expanded] })}\n`);
  said = [];
}
process.exit();
