// @ts-check

// Without a listener, a reader that closes the pipe, such as `head`, would end the program with a stack trace.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code !== 'EPIPE') throw error
    // A program that listens to signals stops what it started. Any other one has nothing left to do.
    if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(0)
  })
}
