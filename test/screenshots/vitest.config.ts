import { defineConfig } from 'vitest/config'

/** Takes the pictures of `docs/screenshots`: no test, so it stands apart from those. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/screenshots/take.ts'],
    globalSetup: ['test/global-setup.ts'],
    hookTimeout: 60_000,
  },
})
