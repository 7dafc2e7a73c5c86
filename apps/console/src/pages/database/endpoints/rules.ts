// Must come before the schemas. The reason is in that file.
import './disable-zod-jit.ts'

export { endpointToToolDefinition, validateEndpointSpec } from '@persql/endpoint-spec'
