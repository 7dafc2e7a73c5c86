import * as z from 'zod'
import { operation } from './operation.ts'

/** Operations on the client packages that an instance serves. */
export const packageOperations = {
  list_packages: operation({
    summary: 'List the client packages that this instance serves',
    route: 'GET /api/packages',
    scope: 'anyone',
    input: z.strictObject({}),
    output: z.object({
      /** Where to install packages from: this instance, or the npm registry. */
      source: z.enum(['self', 'npm']),
      /** Empty while packages are being built, and if the source is `npm`. */
      packages: z.array(z.object({ name: z.string(), version: z.string(), url: z.url() })),
    }),
  }),
}
