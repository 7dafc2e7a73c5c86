import type { Endpoint } from '@persql/contract'
import { ChoiceTabs } from '../../../ui/choice-tabs.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { createSnippets } from './snippets.ts'
import { useRules } from './use-spec-validation.ts'

/** Snippets that call an endpoint: from a terminal, from a web page and as an AI tool. */
export function CallSnippets({ endpoint }: { endpoint: Endpoint }) {
  const rules = useRules()
  const { curl, fetch } = createSnippets(endpoint)
  const tool = rules ? JSON.stringify(rules.endpointToToolDefinition(endpoint.spec), null, 2) : '…'
  return (
    <>
      {endpoint.status !== 'published' && <p>Publish the endpoint to receive requests.</p>}
      <ChoiceTabs
        label="Client"
        param="from"
        choices={[
          { id: 'curl', name: 'curl', content: <CodeBlock label="curl" code={curl} /> },
          { id: 'fetch', name: 'JavaScript', content: <CodeBlock label="JavaScript" code={fetch} /> },
          {
            id: 'tool',
            name: 'AI tool',
            content: (
              <>
                <p className="text-muted">
                  Register this tool with your model, then call the endpoint with the input the model returns.
                </p>
                <CodeBlock label="AI tool" code={tool} />
              </>
            ),
          },
        ]}
      />
    </>
  )
}
