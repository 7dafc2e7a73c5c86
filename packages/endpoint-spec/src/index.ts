export { formatCount } from './format-count.ts'
export { describeIssue, toFieldMessage, toSentence } from './input-issues.ts'
export { type EndpointSpec, type FieldSpec, MAX_SESSION_S } from './spec.ts'
export {
  endpointToToolDefinition,
  getMaxLength,
  inputSchema,
  isRequired,
  type JsonSchema,
  type ToolDefinition,
} from './tool.ts'
export { boundFields, type SpecProblem, type StatementFacts, validateEndpointSpec } from './validate.ts'
