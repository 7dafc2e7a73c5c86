// Before the schemas: see there.
import './jitless.ts'

export { endpointToToolDefinition, validateEndpointSpec } from '@persql/endpoint-spec'
