import { expect, test } from "vitest";
import { parseEnvironment } from "./environment.ts";

test("values keep their equals signs and blanks", () => {
  expect(parseEnvironment("A=1\n\nURL=http://x/?a=b \n_x=")).toEqual({
    values: { A: "1", URL: "http://x/?a=b ", _x: "" },
  });
});

test.each(["1A=x", "A", "A B=c"])("%s is refused with a sentence", (text) => {
  expect(parseEnvironment(text)).toHaveProperty("problem");
});
