import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('the benchmark compares the platform with the floor', async () => {
  const options = ['--quick', '--pairs', '2', '--case', 'point read']
  const { stdout } = await promisify(execFile)(process.execPath, ['apps/launcher/bench.mjs', ...options])
  const cells = stdout.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  const measured = cells.filter(([, , , target]) => target === 'platform' || target === 'floor')
  expect(measured.map(([, , , target]) => target)).toEqual(['platform', 'floor', 'platform', 'floor'])
  for (const [, , , , requests, p50] of measured) {
    expect(Number.parseInt(`${requests}`.replaceAll(',', ''), 10)).toBeGreaterThan(0)
    expect(Number(p50)).toBeGreaterThan(0)
  }
})
