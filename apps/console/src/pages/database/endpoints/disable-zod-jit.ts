import { config } from 'zod'

// Zod looks whether it may generate code as soon as a schema is made, and the policy of the console reports that it may not.
config({ jitless: true })
