// @ts-check
import { run } from './run.mjs'

const tsc = 'node_modules/typescript/bin/tsc'

const checks = [
  { name: 'lint and format', args: ['node_modules/@biomejs/biome/bin/biome', 'check'] },
  { name: 'types of launcher, bench and tests', args: [tsc, '--project', 'tsconfig.node.json'] },
  { name: 'types of the platform', args: [tsc, '--project', 'apps/platform'] },
  { name: 'types of the console', args: [tsc, '--project', 'apps/console'] },
  { name: 'types of the contract', args: [tsc, '--project', 'packages/contract'] },
  { name: 'types of the SDK', args: [tsc, '--project', 'packages/sdk'] },
  { name: 'types of @persql/drizzle', args: [tsc, '--project', 'packages/drizzle'] },
  { name: 'types of @persql/kysely', args: [tsc, '--project', 'packages/kysely'] },
  { name: 'types of @persql/langgraph', args: [tsc, '--project', 'packages/langgraph'] },
  { name: 'types of the command line', args: [tsc, '--project', 'packages/cli'] },
  { name: 'dead code', args: ['node_modules/knip/bin/knip.js'] },
]

/** Runs every check, prints what they found, and counts. */
export async function runChecks() {
  const counts = { passed: 0, failed: 0 }
  for (const { name, args } of checks) {
    const { code, output } = await run(args, 'pipe')
    counts[code === 0 ? 'passed' : 'failed']++
    process.stdout.write(code === 0 ? `ok    ${name}\n` : `FAIL  ${name}\n${output}\n`)
  }
  return counts
}
