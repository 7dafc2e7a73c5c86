// Before the schemas: see there.
import './disable-zod-jit.ts'

export { endpointToToolDefinition, validateEndpointSpec } from '@persql/endpoint-spec'
