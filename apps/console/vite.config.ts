import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defaultClientConditions, defineConfig, type Plugin } from 'vite'

const SMALLEST_COMPRESSED = 1024

/** Writes scripts and styles a second and third time as they travel, so that no request waits for a compressor. */
const compressed = (): Plugin => ({
  name: 'compressed',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const output of Object.values(bundle)) {
        const content = Buffer.from(output.type === 'chunk' ? output.code : output.source)
        if (!/\.(js|css)$/.test(output.fileName) || content.length < SMALLEST_COMPRESSED) continue
        const source = { br: brotliCompressSync(content), gz: gzipSync(content, { level: 9 }) }
        for (const [end, bytes] of Object.entries(source)) {
          this.emitFile({ type: 'asset', fileName: `${output.fileName}.${end}`, source: bytes })
        }
      }
    },
  },
})

export default defineConfig({
  plugins: [react(), tailwindcss(), compressed()],
  resolve: {
    conditions: ['persql-source', ...defaultClientConditions],
    alias: [
      // SQLite in the same process is for Node: the console never asks for it.
      { find: './local/index.ts', replacement: fileURLToPath(new URL('src/api/local-mode-stub.ts', import.meta.url)) },
    ],
  },
  // The Worker puts a nonce in its place, for what sets styles at run time.
  html: { cspNonce: '__NONCE__' },
  build: { target: 'es2024', cssTarget: ['chrome123', 'firefox120', 'safari17.5'], assetsInlineLimit: 0 },
})
