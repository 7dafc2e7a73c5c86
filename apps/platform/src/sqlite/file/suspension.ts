type Callable = (...args: never[]) => unknown

/**
 * JavaScript Promise Integration (JSPI), with which WebAssembly can await promises. The type packages don't have it
 * yet.
 */
const jspi = WebAssembly as unknown as {
  readonly Suspending?: new (run: Callable) => WebAssembly.ImportValue
  readonly promising?: <A extends unknown[], R>(run: (...args: A) => R) => (...args: A) => Promise<R>
}

/** Whether WebAssembly can await promises in this runtime. */
export const canSuspend = jspi.Suspending !== undefined && jspi.promising !== undefined

/** Wraps an import that can return a promise. It must be called from an export that is wrapped by `promising`. */
export const suspending = (run: Callable): WebAssembly.ImportValue => (jspi.Suspending ? new jspi.Suspending(run) : run)

/** Wraps an export, so that imports called from it can return promises. */
export const promising = <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R | Promise<R>) =>
  jspi.promising ? jspi.promising(run) : run
