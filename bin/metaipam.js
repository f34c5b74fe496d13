#!/usr/bin/env node
// JavaScript that every Node.js can read: an older one would end with an error about the ending .ts.
const { versions, version, env } = process;
if (Number.parseInt(versions.node, 10) < 24) {
  console.error(`metaipam needs Node.js 24 or later, and this is ${version}.
In a clone, "npm ci" installs it beside the other packages, but for --ignore-scripts: "npm rebuild node" does it then.
Or install Node.js 24 yourself: https://nodejs.org`);
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
