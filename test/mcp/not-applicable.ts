/** The reason why a check doesn't apply to this server, and the message of the suite. */
interface Reason {
  readonly why: string
  readonly says: RegExp
  readonly checks: readonly string[]
}

/** All required checks of the two revisions that don't apply. All others pass. */
export const notApplicable: Readonly<Record<'2025-11-25' | '2026-07-28', readonly Reason[]>> = {
  '2025-11-25': [
    {
      why: 'calls a tool, prompt or resource by the name it has in the fixture of the suite',
      says: /test_|test:\/\//,
      checks: [
        'tools-call-simple-text:tools-call-simple-text',
        'tools-call-image:tools-call-image',
        'tools-call-audio:tools-call-audio',
        'tools-call-embedded-resource:tools-call-embedded-resource',
        'tools-call-mixed-content:tools-call-mixed-content',
        'tools-call-error:tools-call-error',
        'tools-call-with-progress:tools-call-with-progress',
        'tools-call-sampling:tools-call-sampling',
        'tools-call-elicitation:tools-call-elicitation',
        'elicitation-sep1034-defaults:elicitation-sep1034-general',
        'elicitation-sep1330-enums:elicitation-sep1330-general',
        'resources-read-text:resources-read-text',
        'resources-read-binary:resources-read-binary',
        'resources-templates-read:resources-templates-read',
        'prompts-get-simple:prompts-get-simple',
        'prompts-get-with-args:prompts-get-with-args',
        'prompts-get-embedded-resource:prompts-get-embedded-resource',
        'prompts-get-with-image:prompts-get-with-image',
      ],
    },
    {
      why: 'uses a capability that is optional and not declared: logging, subscriptions to resources',
      says: /Method not found/,
      checks: [
        'logging-set-level:logging-set-level',
        'tools-call-with-logging:tools-call-with-logging',
        'resources-subscribe:resources-subscribe',
        'resources-unsubscribe:resources-unsubscribe',
      ],
    },
    {
      why: 'needs a session; the door is stateless, as the revision allows',
      says: /did not provide session ID/,
      checks: ['server-sse-multiple-streams:server-sse-multiple-streams-session'],
    },
  ],
  '2026-07-28': [
    {
      why: 'calls a tool, prompt or resource by the name it has in the fixture of the suite',
      says: /test_|test:\/\//,
      checks: [
        'tools-call-simple-text:tools-call-simple-text',
        'tools-call-image:tools-call-image',
        'tools-call-audio:tools-call-audio',
        'tools-call-embedded-resource:tools-call-embedded-resource',
        'tools-call-mixed-content:tools-call-mixed-content',
        'tools-call-error:tools-call-error',
        'tools-call-with-progress:tools-call-with-progress',
        'resources-read-text:resources-read-text',
        'resources-read-binary:resources-read-binary',
        'resources-templates-read:resources-templates-read',
        'prompts-get-simple:prompts-get-simple',
        'prompts-get-with-args:prompts-get-with-args',
        'prompts-get-embedded-resource:prompts-get-embedded-resource',
        'prompts-get-with-image:prompts-get-with-image',
        'input-required-result-basic-elicitation:sep-2322-elicitation-incomplete',
        'input-required-result-basic-sampling:sep-2322-sampling-incomplete',
        'input-required-result-basic-list-roots:sep-2322-list-roots-incomplete',
        'input-required-result-request-state:sep-2322-request-state-incomplete',
        'input-required-result-multiple-input-requests:sep-2322-multiple-inputs-incomplete',
        'input-required-result-non-tool-request:sep-2322-non-tool-incomplete',
        'input-required-result-result-type:sep-2322-result-type-included',
        'input-required-result-capability-check:sep-2322-respect-client-capabilities',
        'input-required-result-ignore-extra-params:sep-2322-ignore-unexpected-params',
        'server-stateless:sep-2575-server-rejects-undeclared-capability',
        'server-stateless:sep-2575-missing-capability-http-400',
        'server-stateless:sep-2575-http-server-no-independent-requests-on-stream',
        'server-stateless:sep-2575-server-no-log-without-loglevel',
      ],
    },
    {
      why: 'goes on from an answer that such a tool would have given: no tool here asks back',
      says: /InputRequiredResult/,
      checks: [
        'input-required-result-multi-round:sep-2322-multi-round-r1',
        'input-required-result-missing-input-response:sep-2322-missing-response-rerequests',
        'input-required-result-tampered-state:sep-2322-reject-tampered-state',
      ],
    },
    {
      why: 'waits for a list to change: the lists here never change',
      says: /did not declare (prompts|tools)\.listChanged/,
      checks: [
        'server-stateless:sep-2575-server-sends-prompts-list-changed-on-subscription',
        'server-stateless:sep-2575-server-sends-tools-list-changed-on-subscription',
      ],
    },
  ],
}
