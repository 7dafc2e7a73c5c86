import { describe, expect, it } from 'vitest'
import { ResponseReader } from './response-reader.ts'

describe('ResponseReader', () => {
  const plain = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
  const chunked = 'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'

  it.each([
    [200, plain],
    [404, chunked],
  ])('reads a response of status %i with every split of its bytes', (status, text) => {
    const bytes = Buffer.from(text)
    for (let cut = 1; cut < bytes.length; cut++) {
      const reader = new ResponseReader()
      expect(reader.push(bytes.subarray(0, cut))).toBeUndefined()
      expect(read(reader, bytes.subarray(cut))).toEqual({ status, body: '{"a":1}' })
    }
  })

  it('reads the next response from a reused buffer', () => {
    const reader = new ResponseReader()
    const buffer = Buffer.from(plain)
    expect(reader.push(buffer.subarray(0, 40))).toBeUndefined()
    const rest = Buffer.from(plain.slice(40))
    buffer.fill(0)
    expect(read(reader, rest)).toEqual({ status: 200, body: '{"a":1}' })
    expect(read(reader, Buffer.from(chunked))).toEqual({ status: 404, body: '{"a":1}' })
  })

  it('rejects a response without a length', () => {
    expect(() => new ResponseReader().push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow('without a length')
  })

  function read(reader: ResponseReader, bytes: Buffer) {
    const response = reader.push(bytes)
    return response && { status: response.status, body: response.body.toString() }
  }
})
