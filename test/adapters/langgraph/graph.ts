import { Annotation, Command, END, interrupt, START, StateGraph } from '@langchain/langgraph'
import { PerSQLSaver } from '../../../packages/langgraph/src/index.ts'
import { type Database, PerSQL } from '../../../packages/sdk/src/index.ts'

const State = Annotation.Root({
  steps: Annotation<string[]>({ reducer: (left, right) => [...left, ...right], default: () => [] }),
  picture: Annotation<Uint8Array>(),
})

/** Returns a graph that waits for a person between its first and last step. */
export const graphOn = (db: Database) =>
  new StateGraph(State)
    .addNode('draft', () => ({ steps: ['draft'], picture: new Uint8Array([1, 2, 255]) }))
    .addNode('ask', () => ({ steps: [`human: ${interrupt('Send it?')}`] }))
    .addNode('send', () => ({ steps: ['send'] }))
    .addEdge(START, 'draft')
    .addEdge('draft', 'ask')
    .addEdge('ask', 'send')
    .addEdge('send', END)
    .compile({ checkpointer: new PerSQLSaver(db) })

// As a script, this starts the graph, or resumes it with an answer in another process.
if (process.argv[2]) {
  const [options, answer] = JSON.parse(process.argv[2])
  const persql = new PerSQL(options)
  const graph = graphOn(persql.database('acme/main'))
  const config = { configurable: { thread_id: 'thread' } }
  const state = await graph.invoke(answer ? new Command({ resume: answer }) : { steps: ['start'] }, config)
  const { next } = await graph.getState(config)
  console.log(JSON.stringify({ steps: state.steps, picture: [...state.picture], next, pid: process.pid }))
  await persql.close()
}
