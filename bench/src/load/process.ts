import { closedLoop, type Job } from './closed-loop.ts'

/** The load generator's own process: takes jobs from its parent, answers each with a result or an error's text. */
process.on('message', async (job: Job) => {
  try {
    process.send?.({ result: await closedLoop(job) })
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) })
  }
})
process.on('disconnect', () => process.exit())
