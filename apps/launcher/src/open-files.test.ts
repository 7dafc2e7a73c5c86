import { expect, test } from 'vitest'
import { formatOpenFileWarning, readOpenFileLimit } from './open-files.ts'

test.runIf(process.platform === 'linux')('the limit of open files is read from the system', () => {
  expect(readOpenFileLimit()).toBeGreaterThan(0)
  expect(readOpenFileLimit('/proc/self/none')).toBeUndefined()
})

test.each([
  [undefined, undefined],
  [1_048_576, undefined],
  [8_192, undefined],
  [1_024, 'The limit of open files is 1024, which allows about 256 databases'],
  [100, 'which allows about 0 databases'],
])('a limit of %s is warned about as follows: %s', (limit, expected) => {
  const warning = formatOpenFileWarning(limit)
  if (expected === undefined) expect(warning).toBeUndefined()
  else expect(warning).toContain(expected)
})
