import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'
import { LongFirstSequencer } from './test/sequencer.ts'

/** Tests that start the built platform, through its public routes. */
const blackBox = (name: string, include: string[], isolate = false) => ({
  extends: true as const,
  test: { name, include, isolate, globalSetup: ['test/global-setup.ts'] },
})

export default defineConfig({
  // Packages of this repository are tested from their sources. Node itself has no condition `module`.
  ssr: { resolve: { conditions: ['persql-source', ...defaultServerConditions.filter((name) => name !== 'module')] } },
  test: {
    // A machine with other work can be several times as slow.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Tests wait for a third of the time, so two cores serve three workers.
    maxWorkers: 3,
    sequence: { sequencer: LongFirstSequencer },
    // The default of 1 s is short for a machine with other work.
    expect: { poll: { timeout: 60_000 } },
    silent: 'passed-only',
    // Without isolation, one process serves many files. It saves 1 s of CPU time per file, and no test changes global state
    // without restoring it. The suites of other projects may change it.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/src/**/*.test.ts', '{bench,tools}/**/*.test.ts'],
          isolate: false,
        },
      },
      blackBox('platform', ['test/{e2e,mcp,sdk,cli}/**/*.test.ts', 'packages/*/test/**/*.test.ts']),
      blackBox('console', ['test/console/**/*.test.ts']),
      blackBox('adapters', ['test/adapters/**/*.test.ts'], true),
    ],
  },
})
