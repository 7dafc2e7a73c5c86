import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Test files that take much longer than others of their size. They start first, so that the run doesn't end with one of
 * them while the other workers have nothing left to do.
 */
const LONG = [
  'test/e2e/docs-site.test.ts',
  'test/e2e/backup-damage.test.ts',
  'test/e2e/server-package.test.ts',
  'test/console/pages.test.ts',
  'test/cli/commands.test.ts',
  'test/e2e/launcher.test.ts',
  'test/e2e/wrangler-dev.test.ts',
  'test/adapters/kysely-better-auth.test.ts',
  'test/e2e/release.test.ts',
  'test/e2e/welcome-credit.test.ts',
  'test/adapters/drizzle-better-auth.test.ts',
  'test/e2e/continuous-backup.test.ts',
  'test/e2e/upgrade-full-disk.test.ts',
  // Unit tests run last.
  'apps/launcher/src/backup/stores/copier.test.ts',
]

/** Starts long test files first. The others follow in Vitest's order: by project, and without earlier results by size. */
export class LongFirstSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const index = LONG.findIndex((name) => moduleId.endsWith(`/${name}`))
      return index === -1 ? LONG.length : index
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}
