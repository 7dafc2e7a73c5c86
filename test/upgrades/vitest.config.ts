import { defineConfig } from 'vitest/config'

/** The configuration of `npm run upgrade:fixture`. */
export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    include: ['test/upgrades/make.ts'],
    testTimeout: 120_000,
  },
})
