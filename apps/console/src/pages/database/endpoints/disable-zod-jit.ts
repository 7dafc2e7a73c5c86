import { config } from 'zod'

// Zod checks whether it can generate code when a schema is created. The CSP blocks that and reports a violation.
config({ jitless: true })
