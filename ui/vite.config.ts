import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const service = process.env['CERTMILL_URL'] ?? 'http://127.0.0.1:8080';

const contentTypes: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
};

/** The files of a folder and of those in it, in an order that does not depend on the machine. */
function files(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? files(path) : [path];
    });
}

/** Compresses what is worth it, and writes the table by which the binary embeds the files. */
function embedding(): Plugin {
  let out = '';
  return {
    name: 'certmill-embedding',
    apply: 'build',
    configResolved(config) {
      out = config.build.outDir;
    },
    closeBundle() {
      const rows = files(out).map((path) => {
        const name = relative(out, path);
        const octets = readFileSync(path);
        const contentType = contentTypes[name.slice(name.lastIndexOf('.') + 1)];
        if (!contentType) throw new Error(`no content type for ${name}`);
        const compressed = gzipSync(octets, { level: 9 });
        const smaller = compressed.length < octets.length * 0.9;
        if (smaller) writeFileSync(`${path}.gz`, compressed);
        const etag = createHash('sha256').update(octets).digest('hex').slice(0, 32);
        const gzip = smaller ? `Some(include_bytes!("${name}.gz"))` : 'None';
        return `    File { path: "${name}", content_type: "${contentType}", etag: "\\"${etag}\\"", plain: include_bytes!("${name}"), gzip: ${gzip} },`;
      });
      const head = '// Written by ui/vite.config.ts with the files beside it.\n';
      writeFileSync(join(out, 'files.rs'), `${head}&[\n${rows.join('\n')}\n]\n`);
    },
  };
}

export default defineConfig({
  base: '/ui/',
  plugins: [embedding()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/pub', '/healthz', '/docs', '/openapi.json'].map((path) => [path, service])),
  },
});
