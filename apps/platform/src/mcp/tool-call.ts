import { type CallToolResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { toInternalError } from '../reply.ts'
import { coreTools, runFacade } from './core-tools.ts'
import { toCallResult } from './result.ts'
import type { Session } from './session.ts'
import { isOpen } from './tool-profile.ts'

/** Calls a tool that the URL's profile includes. @throws ProtocolError */
export async function call(name: string, given: Record<string, unknown>, session: Session): Promise<CallToolResult> {
  const facade = !session.profile.groups && Object.hasOwn(coreTools, name) ? coreTools[name] : undefined
  if (facade) return runFacade(facade, given, session)
  const tool = isOpen(name, session.profile) ? session.tool(name) : undefined
  if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Tool "${name.slice(0, 80)}" not found.`)
  return toCallResult(await session.run(tool, given), session.ctx.baseUrl)
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
