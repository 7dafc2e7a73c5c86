// A strict parser of Prometheus' text format, version 0.0.4.

/** A metric of an exposition. */
export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/** Parses an exposition. @throws Error for anything that the format or its conventions don't allow */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line must end with a line feed.')
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>()
  let current: { name: string; family: { type: string; help: string; samples: Sample[] } } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const [, comment, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (comment === 'HELP') {
      if (families.has(name)) throw new Error(`${name} appears twice.`)
      current = { name, family: { type: '', help: rest, samples: [] } }
      families.set(name, current.family)
    } else if (comment === 'TYPE') {
      if (current?.name !== name || current.family.samples.length > 0) throw new Error(`Misplaced TYPE: ${line}`)
      if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`Unknown type: ${line}`)
      current.family.type = rest
    } else {
      if (current === undefined) throw new Error(`A sample without HELP and TYPE: ${line}`)
      current.family.samples.push(parseSample(line, current.name, current.family.type))
    }
  }
  for (const [name, family] of families) assertConventions(name, family)
  return families
}

/** Returns the value of the only sample with these labels, or `undefined`. */
export function findValue(families: Map<string, Family>, name: string, labels: object = {}): number | undefined {
  const wanted = Object.entries(labels)
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  const found = family?.samples.filter(
    (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
  )
  return found?.length === 1 ? found[0]?.value : undefined
}

function parseSample(line: string, metric: string, type: string): Sample {
  const [, name = '', text = '', number = ''] = LINE.exec(line) ?? []
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number)
  if (name === '' || number === '' || Number.isNaN(value)) throw new Error(`Not a sample: ${line}`)
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
  if (!suffixes.some((suffix) => name === metric + suffix)) throw new Error(`A sample of another metric: ${line}`)
  return { name, labels: parseLabels(text, line), value }
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length; ) {
    const [, name = '', value = ''] = LABEL.exec(text) ?? []
    if (name === '' || Object.hasOwn(labels, name)) throw new Error(`Invalid labels: ${line}`)
    labels[name] = value.replace(/\\(.)/g, (_, next: string) => (next === 'n' ? '\n' : next))
  }
  return labels
}

function assertConventions(name: string, { type, help, samples }: Family): void {
  const fail = (problem: string): never => {
    throw new Error(`${name}: ${problem}`)
  }
  if (type === '' || help === '') fail('HELP or TYPE is missing.')
  if ((type === 'counter') !== name.endsWith('_total')) fail('Counters, and only counters, end with _total.')
  if (type === 'histogram' && !/_(seconds|bytes)$/.test(name)) fail('A histogram has a base unit.')
  if (/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/.test(name)) fail('The unit is not a base unit.')
  const keys = samples.map((sample) => `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`)
  if (new Set(keys).size < keys.length) fail('A sample appears twice.')
  if (type === 'counter' && samples.some(({ value }) => value < 0)) fail('A counter is negative.')
  if (type === 'histogram') assertHistogram(samples, fail)
}

function assertHistogram(samples: readonly Sample[], fail: (problem: string) => never): void {
  const without = ({ labels: { le: _, ...labels } }: Sample) => JSON.stringify(labels)
  for (const key of new Set(samples.map(without))) {
    const own = samples.filter((sample) => without(sample) === key)
    const buckets = own.filter(({ name }) => name.endsWith('_bucket'))
    const bounds = buckets.map(({ labels: { le } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)))
    const isAscending = (values: number[], strictly: boolean) =>
      values.every((value, i) => i === 0 || value > (values[i - 1] ?? 0) || (!strictly && value === values[i - 1]))
    if (!isAscending(bounds, true)) fail('Buckets are not in order.')
    if (
      !isAscending(
        buckets.map(({ value }) => value),
        false,
      )
    )
      fail('Buckets are not cumulative.')
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) fail('The bucket +Inf is missing.')
    const [count, sum] = ['_count', '_sum'].map((suffix) => own.find(({ name }) => name.endsWith(suffix))?.value)
    if (count !== buckets.at(-1)?.value || sum === undefined) fail('Count or sum is missing or wrong.')
  }
}
