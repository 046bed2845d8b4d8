/** Options are whole numbers, all with defaults; what is returned is printed. */
export interface Bench {
  readonly options: Readonly<Record<string, number>>;
  run(options: Readonly<Record<string, number>>): Promise<Record<string, unknown>>;
}
