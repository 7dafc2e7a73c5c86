// @ts-check
import './closed-pipe.mjs'
import './node-version.mjs'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChecks } from './checks.mjs'
import { ensureInstalled } from './install.mjs'
import { run } from './run.mjs'

const vitest = 'node_modules/vitest/vitest.mjs'
const args = process.argv.slice(2)

await ensureInstalled({ dev: true })
if (args.includes('--watch')) process.exit(await watchTests(args))
const checks = args.length === 0 ? await runChecks() : { passed: 0, failed: 0 }
const tests = await runTests(args)
const failed = checks.failed + tests.failed
process.stdout.write(`\n${checks.passed + tests.passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)

/**
 * Runs Vitest in watch mode: unit tests after each change, or the files in the arguments.
 *
 * @param {string[]} args
 */
async function watchTests(args) {
  const { code } = await run([vitest, ...args, ...(args.length === 1 ? ['--project', 'unit'] : [])], 'inherit')
  return code
}

/**
 * Runs Vitest and counts tests. A file that failed to load counts as one failure, and so does a run that failed for
 * another reason.
 *
 * @param {string[]} filters
 */
async function runTests(filters) {
  const folder = mkdtempSync(join(tmpdir(), 'persql-test-'))
  const outputFile = join(folder, 'results.json')
  try {
    const { code } = await run(
      [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`, ...filters],
      'inherit',
    )
    const { passed, failed } = count(outputFile)
    return { passed, failed: code !== 0 && failed === 0 ? 1 : failed }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param {string} file */
function count(file) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'))
    const broken = testResults.filter(
      (/** @type {{ status: string, assertionResults: { status: string }[] }} */ result) =>
        result.status === 'failed' && !result.assertionResults.some(({ status }) => status === 'failed'),
    )
    return { passed: numPassedTests, failed: numFailedTests + broken.length }
  } catch {
    return { passed: 0, failed: 1 }
  }
}
