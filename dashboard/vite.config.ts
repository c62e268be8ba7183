/** Builds the dashboard into static files beside the program, with nothing in the page itself that a strict policy forbids. */
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  // A module, so that what it loads later stays apart: each grammar comes with the first file in its language.
  worker: { format: 'es' },
  build: {
    outDir: join(import.meta.dirname, '../dist/dashboard'),
    emptyOutDir: true,
    target: 'es2024',
    // A `data:` address in a style is one more thing that the policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What is bundled asks that its licence goes along.
    license: { fileName: 'licenses.md' },
  },
});
