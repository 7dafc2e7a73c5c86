import { PerSQL } from '../../packages/sdk/src/index.ts'
import type { Suite } from './suite.ts'

// Bun runs this file, because it has SQLite built in. It prints the result of each case of a suite in local mode.
const { suite } = (await import(`./${process.argv[2]}/suite.ts`)) as { suite: Suite }
const persql = new PerSQL({ local: ':memory:' })
const results: Record<string, string> = {}
for (const [index, [name, run]] of Object.entries(suite).entries()) {
  results[name] = await run(persql.database(`acme/case-${index}`)).then(
    () => 'ok',
    (error) => String(error?.stack ?? error),
  )
}
await persql.close()
console.log(JSON.stringify(results))
