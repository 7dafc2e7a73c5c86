import { defineConfig } from 'vitest/config'

/** Tests that start the built platform, through its public routes. */
const blackBox = (name: string, include: string[]) => ({
  extends: true as const,
  test: { name, include, globalSetup: ['test/global-setup.ts'] },
})

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    silent: 'passed-only',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/src/**/*.test.ts', '{bench,tools}/**/*.test.ts'],
        },
      },
      blackBox('platform', ['test/{e2e,mcp,sdk,cli}/**/*.test.ts', 'packages/*/test/**/*.test.ts']),
      blackBox('console', ['test/console/**/*.test.ts']),
      blackBox('adapters', ['test/adapters/**/*.test.ts']),
    ],
  },
})
