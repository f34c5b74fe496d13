#!/usr/bin/env node
// JavaScript that every Node.js can read: an older one would end with an error about the ending .ts.
import { existsSync } from 'node:fs';

const { versions, version, env } = process;
const isInstalled = ['node', 'node.exe'].some((name) =>
  existsSync(new URL(`../node_modules/node/bin/${name}`, import.meta.url)),
);
const INSTALL = `In a clone, "npm ci" installs it beside the other packages, but for --ignore-scripts: "npm rebuild node" does it then.
Or install Node.js 24 yourself: https://nodejs.org`;
const INSTALLED =
  '"npm ci" has installed one in this clone, on which "npx metaipam" and "npm run metaipam" run, in its folder.';
if (Number.parseInt(versions.node, 10) < 24) {
  console.error(
    `metaipam needs Node.js 24 or later, and this is ${version}.\n${isInstalled ? INSTALLED : INSTALL}`,
  );
  process.exitCode = 1;
} else {
  // The next start takes half the time. Where nobody may write there, nothing happens.
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(`${import.meta.dirname}/../node_modules/.cache/metaipam`);
  // It loses, and some modules of Node.js warn of that.
  if (env.FORCE_COLOR !== undefined) delete env.NO_COLOR;
  const { runProcess } = await import('../lib/cli/metaipam.ts');
  await runProcess();
}
