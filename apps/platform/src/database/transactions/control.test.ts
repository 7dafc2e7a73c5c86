import { describe, expect, test } from 'vitest'
import { type Control, parseControl } from './control.ts'

describe('parseControl', () => {
  test.each<[string, Control | undefined]>([
    ['BEGIN', { kind: 'begin', mode: 'deferred' }],
    ['begin ', { kind: 'begin', mode: 'deferred' }],
    ['BEGIN;', { kind: 'begin', mode: 'deferred' }],
    [';; BEGIN TRANSACTION ;', { kind: 'begin', mode: 'deferred' }],
    ['BEGIN DEFERRED', { kind: 'begin', mode: 'deferred' }],
    ['BEGIN CONCURRENT', { kind: 'begin', mode: 'deferred' }],
    ['BEGIN IMMEDIATE TRANSACTION', { kind: 'begin', mode: 'write' }],
    ['begin exclusive', { kind: 'begin', mode: 'write' }],
    ['BEGIN READONLY', { kind: 'begin', mode: 'read' }],
    ['BEGIN TRANSACTION READONLY', { kind: 'begin', mode: 'read' }],
    ['-- first\n/* then */ COMMIT -- at last', { kind: 'commit' }],
    ['END TRANSACTION', { kind: 'commit' }],
    ['ROLLBACK', { kind: 'rollback' }],
    ['rollback transaction;', { kind: 'rollback' }],
    ['ROLLBACK TO x', { kind: 'rollback_to', name: 'x' }],
    ['ROLLBACK TRANSACTION TO SAVEPOINT "A ""b"""', { kind: 'rollback_to', name: 'a "b"' }],
    ['savepoint sp0', { kind: 'savepoint', name: 'sp0' }],
    ['RELEASE sp0', { kind: 'release', name: 'sp0' }],
    ['release savepoint SP0', { kind: 'release', name: 'sp0' }],
    ['SELECT 1', undefined],
    ['-- BEGIN\nSELECT 1', undefined],
    ['CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END', undefined],
    ['EXPLAIN COMMIT', undefined],
    ['ENDING', undefined],
    ['', undefined],
  ])('%j', (sql, control) => {
    expect(parseControl(sql)).toEqual(control)
  })

  test.each([
    ['BEGIN NOW', 'near "NOW": syntax error'],
    ['COMMIT TO x', 'near "TO": syntax error'],
    ['SAVEPOINT', 'incomplete input'],
    ['RELEASE SAVEPOINT', 'incomplete input'],
    ['ROLLBACK TO 1', 'near "1": syntax error'],
    ['BEGIN; COMMIT', 'multiple'],
  ])('refuses %j', (sql, message) => {
    expect(() => parseControl(sql)).toThrow(message.includes('multiple') ? /one statement/i : message)
  })
})
