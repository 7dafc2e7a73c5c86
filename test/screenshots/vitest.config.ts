import { defineConfig } from 'vitest/config'

/** Takes the screenshots of `docs/screenshots`. This is not a test, so it is separate from the tests. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/screenshots/take.ts'],
    globalSetup: ['test/global-setup.ts'],
    hookTimeout: 60_000,
  },
})
