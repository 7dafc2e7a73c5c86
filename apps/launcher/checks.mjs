// @ts-check
import { availableParallelism } from 'node:os'
import { run } from './run.mjs'

const tsc = 'node_modules/typescript/bin/tsc'

/** @type {{ script: CheckScript, name: string, args: string[] }[]} */
const checks = [
  { script: 'lint', name: 'lint and format', args: ['node_modules/@biomejs/biome/bin/biome', 'check'] },
  { script: 'typecheck', name: 'types of launcher, bench and tests', args: [tsc, '--project', 'tsconfig.node.json'] },
  { script: 'typecheck', name: 'types of the platform', args: [tsc, '--project', 'apps/platform'] },
  { script: 'typecheck', name: 'types of the console', args: [tsc, '--project', 'apps/console'] },
  { script: 'typecheck', name: 'types of the contract', args: [tsc, '--project', 'packages/contract'] },
  { script: 'typecheck', name: 'types of the SDK', args: [tsc, '--project', 'packages/sdk'] },
  { script: 'typecheck', name: 'types of @persql/drizzle', args: [tsc, '--project', 'packages/drizzle'] },
  { script: 'typecheck', name: 'types of @persql/kysely', args: [tsc, '--project', 'packages/kysely'] },
  { script: 'typecheck', name: 'types of @persql/langgraph', args: [tsc, '--project', 'packages/langgraph'] },
  { script: 'typecheck', name: 'types of @persql/prisma', args: [tsc, '--project', 'packages/prisma'] },
  { script: 'typecheck', name: 'types of the command line', args: [tsc, '--project', 'packages/cli'] },
  { script: 'dead-code', name: 'dead code', args: ['node_modules/knip/bin/knip.js'] },
  { script: 'words', name: 'words', args: ['apps/launcher/check-words.mjs'] },
]

/** @typedef {'lint' | 'typecheck' | 'dead-code' | 'words'} CheckScript */

/**
 * Runs every check, or those of one script, prints their findings and returns the numbers of passed and failed checks.
 *
 * @param {string} [script]
 */
export async function runChecks(script) {
  const due = checks.filter((check) => script === undefined || check.script === script)
  const counts = { passed: 0, failed: 0 }
  const runNext = async () => {
    for (let check = due.shift(); check; check = due.shift()) {
      const { code, output } = await run(check.args, 'pipe')
      counts[code === 0 ? 'passed' : 'failed']++
      process.stdout.write(code === 0 ? `ok    ${check.name}\n` : `FAIL  ${check.name}\n${output}\n`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, runNext))
  return counts
}
