import { describe, expect, test } from 'vitest'
import { Streams } from './streams.ts'

const stream = { id: 'a', tokenId: 'token', step: 1, stored: new Map([[1, 'SELECT 1']]), transactionId: undefined }

const createStreams = (now = () => 0, fits: (bytes: number) => boolean = () => true) => new Streams(now, fits)

describe('streams', () => {
  test('are found by their last baton and the token that opened them', () => {
    const streams = createStreams()
    const first = streams.keep(stream)
    expect(streams.find(first, 'token')).toMatchObject(stream)
    const second = streams.keep({ ...stream, step: 2 })
    expect(streams.find(second, 'token').step).toBe(2)
    expect(() => streams.find(first, 'token')).toThrow('already used')
    expect(() => streams.find(second, 'other')).toThrow('expired')
    streams.end('a')
    expect(() => streams.find(second, 'token')).toThrow('expired')
  })

  test.each(['', 'a', 'a.', '.1', 'a.1.1', 'a.-1', 'a.1 ', '__proto__.1', 'b.1'])('refuse the baton %j', (baton) => {
    const streams = createStreams()
    streams.keep(stream)
    expect(() => streams.find(baton, 'token')).toThrow('expired')
  })

  test('expire after 10 s, unless a transaction is open', () => {
    let nowMs = 0
    const streams = createStreams(() => nowMs)
    const idle = streams.keep(stream)
    const open = streams.keep({ ...stream, id: 'b', transactionId: 'txn_1' })
    nowMs = 10_000
    expect(streams.find(idle, 'token').id).toBe('a')
    nowMs = 10_001
    expect(() => streams.find(idle, 'token')).toThrow('expired')
    expect(streams.find(open, 'token').id).toBe('b')
  })

  test('end, those without a transaction first, when their stored SQL takes too much memory', () => {
    const streams = createStreams(undefined, (bytes) => bytes <= 3_000)
    const stored = new Map([[1, 'x'.repeat(650)]])
    const open = streams.keep({ ...stream, id: 'open', stored, transactionId: 'txn_1' })
    const first = streams.keep({ ...stream, id: 'first', stored })
    const second = streams.keep({ ...stream, id: 'second', stored })
    expect(() => streams.find(first, 'token')).toThrow('expired')
    expect([streams.find(open, 'token').id, streams.find(second, 'token').id]).toEqual(['open', 'second'])
    streams.end('open')
    const third = streams.keep({ ...stream, id: 'third', stored })
    expect([streams.find(second, 'token').id, streams.find(third, 'token').id]).toEqual(['second', 'third'])
  })

  test('are at most 100: those without a transaction end first', () => {
    const streams = createStreams()
    const open = streams.keep({ ...stream, id: 'open', transactionId: 'txn_1' })
    const batons = Array.from({ length: 100 }, (_, i) => streams.keep({ ...stream, id: `s${i}` }))
    expect(streams.find(open, 'token').id).toBe('open')
    expect(() => streams.find(batons[0] as string, 'token')).toThrow('expired')
    expect(streams.find(batons[99] as string, 'token').id).toBe('s99')
  })
})
