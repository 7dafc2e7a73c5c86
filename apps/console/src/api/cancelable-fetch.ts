/** Requests that run statements. */
const RUNS = /\/(query|batch)$/

/**
 * Works like `fetch`. If a request that runs statements is aborted, it also cancels the statements: the server would
 * continue a long read.
 */
export const cancelableFetch: typeof fetch = async (input, init) => {
  const url = String(input)
  const signal = init?.signal
  if (!signal || !RUNS.test(url)) return fetch(input, init)
  const id = createRequestId()
  const cancel = () => {
    // Short reads have usually ended.
    fetch(url.replace(RUNS, `/queries/${id}?allowMissing=true`), { method: 'DELETE' }).catch(() => {
      // Without a connection, the read ends at its time limit.
    })
  }
  signal.addEventListener('abort', cancel)
  try {
    return await fetch(url, { ...init, headers: { ...init.headers, 'X-Request-Id': id } })
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** `crypto.randomUUID` is missing on pages without HTTPS. */
const createRequestId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
