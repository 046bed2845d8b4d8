/** How a link within a sentence looks. */
export const TEXT_LINK = "underline decoration-n6 underline-offset-2 hover:decoration-n9";
