// JavaScript that every Node.js can read: an older one would end with an error about the ending .ts.
import { existsSync } from 'node:fs';

const { versions, version } = process;
const isInstalled = ['node', 'node.exe'].some((name) =>
  existsSync(new URL(`../node_modules/node/bin/${name}`, import.meta.url)),
);
const INSTALL = `In a clone, "npm ci" installs it beside the other packages, but for --ignore-scripts: "npm rebuild node" does it then.
Or install Node.js 24 yourself: https://nodejs.org`;
const INSTALLED =
  '"npm ci" has installed one in this clone, on which "npx metaipam" and "npm run" run, in its folder.';
if (Number.parseInt(versions.node, 10) < 24) {
  console.error(
    `metaipam needs Node.js 24 or later, and this is ${version}.\n${isInstalled ? INSTALLED : INSTALL}`,
  );
  process.exit(1);
}
