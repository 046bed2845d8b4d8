/** How the editor looks and behaves, as one list of extensions; loaded with the editor alone. */
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { suggestionsAt } from "./suggestions.ts";
import { placeAt } from "./yamlPlace.ts";

/** Colours come from the page's own variables, so both themes are one. */
const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--n10)", backgroundColor: "var(--n0)", fontSize: "12.5px" },
  "&.cm-focused, .cm-content:focus-visible": { outline: "none" },
  // An outline would lie below the line numbers.
  "&.cm-focused::after": {
    content: "''",
    position: "absolute",
    inset: "0",
    zIndex: "300",
    border: "2px solid var(--accent)",
    pointerEvents: "none",
  },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "19px" },
  ".cm-content": { caretColor: "var(--n10)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--n10)" },
  ".cm-gutters": { backgroundColor: "var(--n0)", color: "var(--n8)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": {
    backgroundColor: "color-mix(in oklch, var(--n3) 45%, transparent)",
  },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in oklch, var(--accent) 24%, transparent) !important",
  },
  ".cm-content ::selection": { color: "inherit", backgroundColor: "transparent" },
  ".cm-matchingBracket": { backgroundColor: "var(--n3)", outline: "1px solid var(--n6)" },
  ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--mark)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--mark-now)" },
  ".cm-tooltip": {
    backgroundColor: "var(--n0)",
    border: "1px solid var(--n5)",
    borderRadius: "6px",
    overflow: "hidden",
  },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--accent-soft)",
    color: "var(--n10)",
  },
  ".cm-completionDetail": { color: "var(--n8)", fontStyle: "normal" },
  ".cm-diagnostic": { padding: "4px 8px", fontFamily: "var(--font-sans)" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--attention)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "wavy underline var(--bad) 1px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "wavy underline var(--attention) 1px" },
  ".cm-panels": { backgroundColor: "var(--n1)", color: "var(--n10)", borderColor: "var(--n4)" },
  ".cm-panel input, .cm-panel button": {
    backgroundColor: "var(--n0)",
    backgroundImage: "none",
    color: "var(--n10)",
    border: "1px solid var(--n5)",
    borderRadius: "4px",
  },
  ".cm-foldPlaceholder": { backgroundColor: "var(--n2)", border: "1px solid var(--n5)", color: "var(--n8)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--n8)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--busy)" },
  { tag: [tags.typeName, tags.labelName, tags.meta], color: "var(--attention)" },
]);

export function editorSetup(label: string): Extension {
  return [
    lineNumbers(),
    foldGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of("  "),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    search({ top: true }),
    EditorState.tabSize.of(2),
    yaml(),
    syntaxHighlighting(colours),
    theme,
    autocompletion({ override: [complete], icons: false }),
    keymap.of([
      { key: "Tab", run: acceptCompletion },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
    EditorView.contentAttributes.of({ "aria-label": label, "aria-multiline": "true", tabindex: "0" }),
  ];
}

function complete(context: CompletionContext): CompletionResult | null {
  const before = context.state.sliceDoc(0, context.pos);
  const place = placeAt(before);
  if (place === undefined || (place.word === "" && !context.explicit)) return null;
  const options = suggestionsAt(context.state.doc.toString(), place);
  return options.length === 0
    ? null
    : {
        from: context.pos - place.word.length,
        options: options.map(({ label, detail, insert }) => ({ label, detail, apply: insert })),
        validFor: /^[\w./-]*$/,
      };
}
