import { closedLoop, type Job } from './closed-loop.ts'

/** The load generator process: receives jobs from its parent and sends back a result or the text of an error. */
process.on('message', async (job: Job) => {
  try {
    process.send?.({ result: await closedLoop(job) })
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) })
  }
})
process.on('disconnect', () => process.exit())
