// Keeps the call page small: it is often loaded over the network that is worst.

import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const KB = 1000;

/** Prints how much a browser loads before a call begins, compressed, and fails the build if it is more than `limit` kB. What is loaded on demand, such as the
 * dashboard with its charts, does not count. */
export function callPageSize(limit: number): Plugin {
  return {
    name: 'call-page-size',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const files = new Set<string>();
      const follow = (name: string) => {
        const file = bundle[name];
        if (!file || files.has(name)) return;
        files.add(name);
        if (file.type !== 'chunk') return;
        for (const imported of file.imports) follow(imported);
        for (const style of file.viteMetadata?.importedCss ?? []) follow(style);
      };
      for (const file of Object.values(bundle)) {
        if ((file.type === 'chunk' && file.isEntry) || /\.(worker|worklet)-/.test(file.fileName))
          follow(file.fileName);
      }
      let bytes = 0;
      for (const name of files) {
        const file = bundle[name];
        if (file) bytes += gzipSync(file.type === 'chunk' ? file.code : file.source, { level: 9 }).length;
      }
      const said = `the call page is ${(bytes / KB).toFixed(1)} kB, compressed, in ${files.size} files; at most ${limit} kB`;
      if (bytes > limit * KB) this.error(said);
      this.info(said);
    },
  };
}
