/** The server did not do what the row says. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** The row says nothing about this server, or cannot be judged from where the suite stands; the message says why. */
export class NotApplicable extends Error {
  override readonly name = "NotApplicable";
}

/** Throws `Failed` with the sentence unless it holds. */
export function must(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Failed(sentence);
}
