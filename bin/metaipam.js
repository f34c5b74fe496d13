#!/usr/bin/env node
import './node-version.js';

// The next start takes half the time. Where nobody may write there, nothing happens.
const { enableCompileCache } = await import('node:module');
enableCompileCache(`${import.meta.dirname}/../node_modules/.cache/metaipam`);
// It loses, and some modules of Node.js warn of that.
const { env } = process;
if (env.FORCE_COLOR !== undefined) delete env.NO_COLOR;
const { runProcess } = await import('../lib/cli/metaipam.ts');
await runProcess();
