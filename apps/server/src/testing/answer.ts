/** Of any endpoint: tests look into what they expect there to be. */
// oxlint-disable-next-line typescript/no-explicit-any -- a body is of the endpoint that was called, which a path does not tell
export type Answer = { readonly status: number; readonly body: any };
