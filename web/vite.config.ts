import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';
import { callPageSize } from './bundle-size.ts';

/** Parts that every page begins with: to name them with all that is loaded on demand would be part of what every call loads. */
const LOADED_ANYWAY = /(signals\.module|jsxRuntime|icons|storage)-/;

// The page is embedded into the Go binary: it is built into ../assets/dist. In development `make dev` proxies the API to a running server.
export default defineConfig({
  plugins: [preact(), callPageSize(80)],
  build: {
    outDir: '../assets/dist',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    modulePreload: {
      polyfill: false, // every browser that can take part has it
      resolveDependencies: (_, files) => files.filter((f) => !LOADED_ANYWAY.test(f)),
    },
    // Scripts only: the playout worklet must be a file of its own, never a data: URL.
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
  server: {
    fs: { allow: ['..'] }, // the sample recording lies beside the page's own folder
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
    proxy: { '/api': 'http://127.0.0.1:8080', '/ws': { target: 'http://127.0.0.1:8080', ws: true } },
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx', 'e2e/bench/**/*.test.ts'] },
} as import('vite').UserConfig);
