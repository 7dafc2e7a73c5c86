import { type CallToolResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { DatabaseOperation } from '../database/operations.ts'
import { toInternalError } from '../reply.ts'
import { type CoreTool, coreTools, runFacade } from './core-tools.ts'
import { toCallResult, toStatementText } from './result.ts'
import type { Session } from './session.ts'
import { isOpen } from './tool-profile.ts'
import type { Tool } from './tools.ts'

/** Calls a tool that the URL's profile includes. @throws ProtocolError */
export async function call(name: string, given: Record<string, unknown>, session: Session): Promise<CallToolResult> {
  const facade = findFacade(name, session)
  if (facade) return runFacade(facade, given, session)
  return toCallResult(await session.run(findTool(name, session), given), session.ctx.baseUrl)
}

/** Calls a tool as `call` does, and returns the JSON of its result. @throws ProtocolError */
export async function callForText(name: string, given: Record<string, unknown>, session: Session): Promise<string> {
  const facade = findFacade(name, session)
  if (facade) return JSON.stringify(await runFacade(facade, given, session))
  const tool = findTool(name, session)
  const reply = await session.run(tool, given)
  const text = OF_STATEMENTS.has(tool.row.operation) ? toStatementText(reply) : undefined
  return text ?? JSON.stringify(toCallResult(reply, session.ctx.baseUrl))
}

/** Operations whose results are large, or requested often. */
const OF_STATEMENTS: ReadonlySet<string> = new Set<DatabaseOperation>(['query', 'batch'])

const findFacade = (name: string, { profile }: Session): CoreTool | undefined =>
  !profile.groups && Object.hasOwn(coreTools, name) ? coreTools[name] : undefined

function findTool(name: string, session: Session): Tool {
  const tool = isOpen(name, session.profile) ? session.tool(name) : undefined
  if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Tool "${name.slice(0, 80)}" not found.`)
  return tool
}

/** Runs a call and logs internal errors. The SDK would send their message to the caller. */
export async function toToolResult<T>({ ctx }: Session, answer: () => Promise<T>): Promise<T> {
  try {
    return await answer()
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    const error = toInternalError(cause, ctx.requestId)
    throw new ProtocolError(ProtocolErrorCode.InternalError, error.message, error.extra)
  }
}
