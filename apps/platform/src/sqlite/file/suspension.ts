type Callable = (...args: never[]) => unknown

/** WebAssembly that waits for promises of JavaScript (JSPI), which the type packages do not know yet. */
const jspi = WebAssembly as unknown as {
  readonly Suspending?: new (run: Callable) => WebAssembly.ImportValue
  readonly promising?: <A extends unknown[], R>(run: (...args: A) => R) => (...args: A) => Promise<R>
}

/** Whether this runtime can have WebAssembly wait. */
export const canSuspend = jspi.Suspending !== undefined && jspi.promising !== undefined

/** An import that may answer with a promise. Whoever gets to it must have come through an export that is `promising`. */
export const suspending = (run: Callable): WebAssembly.ImportValue => (jspi.Suspending ? new jspi.Suspending(run) : run)

/** An export during which such imports may make everything wait. */
export const promising = <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R | Promise<R>) =>
  jspi.promising ? jspi.promising(run) : run
