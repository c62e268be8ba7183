#!/usr/bin/env node
// The door of the command line. `--version` is answered before anything is loaded; an old Node gets a sentence
// instead of a syntax error; a clone runs the sources unbuilt.
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const major = Number(process.versions.node.split('.')[0]);

if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  console.log(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).version);
} else if (major < 24) {
  console.error(`agent-runner needs Node 24 or newer; this is ${process.versions.node}.`);
  console.error(
    'In a clone, run it through npm, which brings Node 24 along: npm run -s agent-runner -- <command>',
  );
  process.exitCode = 78;
} else {
  // Loaded here, because a Node that is too old does not have it and must still get its sentence.
  (await import('node:module')).enableCompileCache();
  const source = new URL('src/cli/main.ts', root);
  const { main } = await import(existsSync(source) ? source.href : new URL('dist/main.js', root).href);
  process.exitCode = await main(process.argv.slice(2));
}
