import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { onLines } from './lines.ts'

const reset = () => Object.assign(new Error('read ECONNRESET'), { errno: -104, code: 'ECONNRESET', syscall: 'read' })

test.each([
  ['before the first line', [], []],
  ['after a line', ['one\n'], ['one']],
  ['in the middle of a line', ['one\ntw'], ['one']],
  ['after several parts', ['on', 'e\ntwo\n'], ['one', 'two']],
])('a pipe that is reset %s ends without an error', async (_when, parts, expected) => {
  const pipe = new PassThrough()
  const lines: string[] = []
  onLines(pipe, (line) => lines.push(line))
  for (const part of parts) pipe.write(part)
  await turn()
  pipe.destroy(reset())
  await turn()
  expect(lines).toEqual(expected)
})

test('a pipe that is reset after its end causes no error', async () => {
  const pipe = new PassThrough()
  const lines: string[] = []
  onLines(pipe, (line) => lines.push(line))
  pipe.end('one\ntwo')
  await turn()
  pipe.emit('error', reset())
  expect(lines).toEqual(['one', 'two'])
})
