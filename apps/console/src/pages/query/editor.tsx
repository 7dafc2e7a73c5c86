import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { SQLite, sql } from '@codemirror/lang-sql'
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { Compartment, EditorState, Prec } from '@codemirror/state'
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'

/** The methods of the editor that the page calls. */
export interface Editor {
  /** Returns the selected range. Without a selection, both ends are the cursor. */
  selection(): { from: number; to: number }
  focus(): void
}

interface SqlEditorProps {
  /** The ID of the tab. Each tab has its own text and undo history. */
  id: string
  initial: string
  /** The column names of each table, for completion. */
  schema: Readonly<Record<string, readonly string[]>>
  onChange: (text: string) => void
  onRun: () => void
  onReady: (editor: Editor) => void
}

const look = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--color-accent-strong)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--color-success)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--color-warning)' },
  { tag: tags.comment, color: 'var(--color-muted)', fontStyle: 'italic' },
  { tag: tags.typeName, color: 'var(--color-danger-strong)' },
])

const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '0.875rem', backgroundColor: 'transparent', color: 'var(--color-ink)' },
  '&.cm-focused': { outline: '2px solid var(--color-accent)', outlineOffset: '-2px' },
  '.cm-content': { fontFamily: 'var(--font-mono)', caretColor: 'var(--color-ink)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--color-muted)', border: 'none' },
  '.cm-cursor': { borderLeftColor: 'var(--color-ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--color-accent-soft)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--color-raised)',
    color: 'var(--color-ink)',
    borderColor: 'var(--color-line)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--color-accent-soft)',
    color: 'var(--color-accent-strong)',
  },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--color-accent-soft)' },
})

const createDialect = (schema: SqlEditorProps['schema']) =>
  sql({ dialect: SQLite, schema: schema as Record<string, string[]>, upperCaseKeywords: true })

/** Chromium copies the style of a replaced selection into a style attribute, which the CSP blocks. */
const typeOver = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { from, to, empty } = view.state.selection.main
    if (event.inputType !== 'insertText' || event.isComposing || !event.data || empty) return false
    const text = event.data
    const plain = () => view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type' })
    const isTaken = view.state.facet(EditorView.inputHandler).some((take) => take(view, from, to, text, plain))
    if (!isTaken) view.dispatch(plain())
    event.preventDefault()
    return true
  },
})

const giveUpCompletion = (view: EditorView) => closeCompletion(view) && false

/** The SQL editor. Tab leaves it, as in every field; Ctrl+Enter runs the statement. */
export function SqlEditor({ id, initial, schema, onChange, onRun, onReady }: SqlEditorProps) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const calls = useRef({ onChange, onRun, onReady })
  calls.current = { onChange, onRun, onReady }
  const language = useRef(new Compartment())
  const first = useRef(schema)
  first.current = schema

  // biome-ignore lint/correctness/useExhaustiveDependencies: typing must not create another editor
  useEffect(() => {
    const run = () => {
      calls.current.onRun()
      return true
    }
    const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''
    const made = new EditorView({
      parent: place.current as HTMLDivElement,
      state: EditorState.create({
        doc: initial,
        extensions: [
          EditorView.cspNonce.of(nonce),
          // The page handles Mod-s. An open completion list would cover its dialog.
          Prec.highest(
            keymap.of([
              { key: 'Mod-Enter', run },
              { key: 'Mod-s', run: giveUpCompletion },
            ]),
          ),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          // The built-in icons are characters that few fonts contain.
          autocompletion({ icons: false }),
          language.current.of(createDialect(first.current)),
          syntaxHighlighting(look),
          theme,
          typeOver,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'SQL', spellcheck: 'false', autocapitalize: 'none' }),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = made
    calls.current.onReady({
      selection: () => {
        const { from, to } = made.state.selection.main
        return { from, to }
      },
      focus: () => made.focus(),
    })
    return () => made.destroy()
  }, [id])
  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(createDialect(schema)) })
  }, [schema])
  return <div ref={place} className="h-full" />
}
