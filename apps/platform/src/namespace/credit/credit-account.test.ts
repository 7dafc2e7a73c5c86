import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Meter } from '../../database/metering/meter.ts'
import { costNano, NOTHING, REQUEST_NANO, type Totals } from '../../money.ts'
import {
  assertAffordable,
  balance,
  type CreditAccount,
  type CreditLease,
  grant,
  NO_LEASE,
  outstanding,
  recall,
  settle,
} from './credit-account.ts'

const DATABASES = 2
/** A small number, so that the money lasts until something goes wrong on the network. */
const MAX_ROWS = 40
const MAX_ROW_COST = MAX_ROWS * 5 + MAX_ROWS * 2_000

type Message =
  | { kind: 'report'; db: number; life: number; totals: Totals }
  | { kind: 'lease'; db: number; life: number; version: number; ceilingNano: number }
  | { kind: 'recall'; db: number; version: number }
  | { kind: 'recalled'; db: number; asked: number; totals: Totals }

/**
 * The protocol between a namespace and its databases, on a network that delays, reorders, repeats and loses messages.
 */
class World {
  account: CreditAccount
  ledger: number[]
  leases: CreditLease[] = Array.from({ length: DATABASES }, () => NO_LEASE)
  meters = Array.from({ length: DATABASES }, () => new Meter())
  saved: Totals[] = Array.from({ length: DATABASES }, () => NOTHING)
  lives = Array.from({ length: DATABASES }, () => 0)
  /** The cost of the requests that were served and not lost in a crash, in nano-dollars. */
  served = 0
  network: Message[] = []

  constructor(startNano: number) {
    this.account = { ledgerNano: startNano, unpostedNano: 0 }
    this.ledger = [startNano]
  }

  meter = (db: number) => this.meters[db] as Meter
  lease = (db: number) => this.leases[db] as CreditLease

  lent = () => this.leases.reduce((sum, lease) => sum + outstanding(lease), 0)

  request(db: number, rowsRead: number, rowsWritten: number): void {
    const meter = this.meter(db)
    if (!meter.canServe()) return
    const used = { requests: 1, rowsRead, rowsWritten, aiTokens: 0 }
    meter.charge(used, 'tok')
    this.served += costNano(used)
    if (rowsWritten > 0) this.save(db)
  }

  save(db: number): void {
    this.saved[db] = this.meter(db).totals
  }

  crash(db: number): void {
    this.served -= costNano(this.meter(db).totals) - costNano(this.saved[db] as Totals)
    this.meters[db] = new Meter(this.saved[db])
    this.lives[db] = (this.lives[db] ?? 0) + 1
  }

  report(db: number): void {
    this.save(db)
    this.network.push({ kind: 'report', db, life: this.lives[db] as number, totals: this.meter(db).totals })
  }

  recall(db: number): void {
    this.network.push({ kind: 'recall', db, version: this.lease(db).version })
  }

  /** Returns credit as an idle database does. The namespace handles the message like the response to a recall. */
  release(db: number): void {
    const { version, ceilingNano } = this.meter(db).allowance
    if (ceilingNano === 0) return
    this.meter(db).giveBack()
    this.save(db)
    this.network.push({ kind: 'recalled', db, asked: version, totals: this.meter(db).totals })
  }

  topUp(nano: number): void {
    this.ledger.push(nano)
    this.account = { ...this.account, ledgerNano: this.account.ledgerNano + nano }
  }

  post(): void {
    this.ledger.push(-this.account.unpostedNano)
    this.account = { ledgerNano: this.account.ledgerNano - this.account.unpostedNano, unpostedNano: 0 }
  }

  deliver(at: number, keep: boolean): void {
    const index = at % Math.max(1, this.network.length)
    const message = this.network[index]
    if (!message) return
    if (!keep) this.network.splice(index, 1)
    const { db } = message
    switch (message.kind) {
      case 'report': {
        this.#settle(db, message.totals)
        this.leases[db] = grant(this.account, this.lease(db), this.lent() - outstanding(this.lease(db)))
        const { version, ceilingNano } = this.lease(db)
        this.network.push({ kind: 'lease', db, life: message.life, version, ceilingNano })
        break
      }
      case 'lease':
        // The process that expects the response has crashed.
        if (message.life === this.lives[db]) this.meter(db).accept(message)
        break
      case 'recall':
        this.meter(db).giveBack(message.version + 1)
        this.save(db)
        this.network.push({ kind: 'recalled', db, asked: message.version, totals: this.meter(db).totals })
        break
      case 'recalled':
        this.#settle(db, message.totals)
        if (this.lease(db).version === message.asked) this.leases[db] = recall(this.lease(db))
    }
  }

  lose(at: number): void {
    this.network.splice(at % Math.max(1, this.network.length), 1)
  }

  #settle(db: number, totals: Totals): void {
    const settled = settle(this.account, this.lease(db), totals)
    this.account = settled.account
    this.leases[db] = settled.lease
  }

  /** Drops the messages on the network, and settles a last report of every database. */
  finish(): void {
    for (let db = 0; db < DATABASES; db++) {
      this.save(db)
      this.#settle(db, this.meter(db).totals)
    }
  }
}

type Act = 'request' | 'report' | 'deliver' | 'lose' | 'recall' | 'release' | 'crash' | 'post' | 'topUp'
/** Combines a method of the world with its arguments, so that a counterexample is readable. */
const some = (weight: number, act: Act, ...args: fc.Arbitrary<number | boolean>[]) => ({
  weight,
  arbitrary: fc.tuple(fc.constant(act), fc.tuple(...args)),
})
const db = fc.nat(DATABASES - 1)
const rows = fc.nat(MAX_ROWS)
const message = fc.nat(1_000)
const step = fc.oneof(
  some(4, 'request', db, rows, rows),
  some(4, 'request', db, rows, fc.constant(0)),
  some(4, 'report', db),
  some(8, 'deliver', message, fc.constant(false)),
  some(2, 'deliver', message, fc.constant(true)),
  some(1, 'lose', message),
  some(2, 'recall', db),
  some(1, 'release', db),
  some(1, 'crash', db),
  some(1, 'post'),
  some(1, 'topUp', fc.nat(5_000_000)),
)

describe('money over any interleaving of requests, renewals, repeats, reorderings, losses, crashes and top-ups', () => {
  test('adds up, is charged once, and is not spent twice', () => {
    fc.assert(
      fc.property(fc.nat(20_000_000), fc.array(step, { maxLength: 120, size: 'max' }), (start, steps) => {
        const world = new World(start)
        for (const [act, args] of steps) {
          const lentBefore = world.lent()
          Reflect.apply(world[act], world, args)
          // No credit is allocated twice. Only rows beyond a ceiling can reduce the credit that other leases count on.
          expect(world.lent()).toBeLessThanOrEqual(Math.max(lentBefore, balance(world.account)))
          const posted = world.ledger.reduce((sum, nano) => sum + nano, 0)
          expect(balance(world.account)).toBe(posted - world.account.unpostedNano)
          for (let d = 0; d < DATABASES; d++) {
            const meter = world.meter(d)
            // No database can spend more than the namespace has set aside for it.
            expect(Math.max(0, meter.creditNano)).toBeLessThanOrEqual(outstanding(world.lease(d)))
          }
        }
        world.finish()
        const paid = world.ledger.filter((nano) => nano > 0).reduce((sum, nano) => sum + nano, 0)
        expect(paid - balance(world.account)).toBe(world.served)
        // At zero, nothing is served. A negative balance comes from rows of requests that had credit when they began.
        expect(balance(world.account)).toBeGreaterThanOrEqual(-DATABASES * MAX_ROW_COST)
      }),
      { numRuns: 3_000 },
    )
  })

  test('a report that comes again, or late, changes nothing', () => {
    const totals = fc.record({
      requests: fc.nat(1e6),
      rowsRead: fc.nat(1e6),
      rowsWritten: fc.nat(1e6),
      aiTokens: fc.nat(1e6),
    })
    fc.assert(
      fc.property(totals, fc.nat(1e6), (first, more) => {
        const later = { ...first, rowsRead: first.rowsRead + more }
        const start = { ledgerNano: 1e15, unpostedNano: 0 }
        const once = settle(start, NO_LEASE, later)
        const overtaken = settle(once.account, once.lease, first)
        expect(overtaken).toEqual({ ...once, used: NOTHING })
        expect(settle(once.account, once.lease, later).account).toEqual(once.account)
      }),
    )
  })

  test('a renewal lends no less than the answer before, which may be all the database has', () => {
    const nano = fc.nat(20_000_000)
    fc.assert(
      fc.property(nano, nano, nano, (start, lentSince, spentSince) => {
        const account = { ledgerNano: start, unpostedNano: 0 }
        const first = grant(account, NO_LEASE, 0)
        const less = { ...account, unpostedNano: spentSince }
        expect(grant(less, first, lentSince).ceilingNano).toBeGreaterThanOrEqual(first.ceilingNano)
      }),
    )
  })

  test('one database after the other gets the last cent, and not a nano-dollar more', () => {
    fc.assert(
      fc.property(fc.nat(3_000_000), (start) => {
        const world = new World(start)
        let requests = 0
        for (let round = 0; round < 100_000; round++) {
          world.report(0)
          while (world.network.length) world.deliver(0, false)
          if (!world.meter(0).canServe()) break
          while (world.meter(0).canServe()) {
            world.request(0, 0, 0)
            requests++
          }
        }
        expect(requests).toBe(Math.floor(start / 500))
      }),
      { numRuns: 50 },
    )
  })
})

describe('a request is refused as unaffordable', () => {
  test.each([
    ['the balance is empty', 0, 0, false, undefined],
    ['all credit was returned', 10, 0, true, undefined],
    ['there is a free balance', 10, 1, false, undefined],
    ['another database still holds credit', 10, 0, false, 'unavailable'],
  ])('only if that is certain: %s', (_what, balanceRequests, freeRequests, isComplete, code) => {
    const account = { ledgerNano: balanceRequests * REQUEST_NANO, unpostedNano: 0 }
    const check = () => assertAffordable(account, freeRequests * REQUEST_NANO, isComplete)
    if (code) expect(check).toThrow(expect.objectContaining({ code }))
    else expect(check).not.toThrow()
  })
})
