import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The configuration that runs LangChain's suite in local mode. */
export default defineConfig({
  root: dirname(fileURLToPath(import.meta.url)),
  test: { include: ['local.ts'], globals: true },
})
