import type { Policy, ReplayReport } from "@flowplane/detection";

/** From the thread that has the database and the objects to the one that replays. */
export type ToReplay =
  | { readonly kind: "start"; readonly policy: Policy | undefined }
  | { readonly kind: "chunk"; readonly bytes: Uint8Array }
  | { readonly kind: "segment"; readonly segment: number; readonly encoding: Uint8Array }
  /** There are no more of what was asked for. */
  | { readonly kind: "end" }
  | { readonly kind: "problem"; readonly what: string };

/** And back: what it needs next, one at a time, and at last the report. */
export type FromReplay =
  | { readonly kind: "chunk" | "segment" }
  | { readonly kind: "report"; readonly report: ReplayReport };
