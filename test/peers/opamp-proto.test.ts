import { file_opamp as theirs } from "@elastic/opamp-client-node/lib/generated/opamp_pb.js";
import { file_opamp as ours } from "@flowplane/opamp";
import { expect, test } from "vitest";

// Our protocol file was written from a table of fields; that of a client of another make, from the
// specification's own file. Where both have a message they must mean the same bytes.

type Described = {
  readonly messages: readonly {
    readonly name: string;
    readonly fields: readonly {
      readonly name: string;
      readonly number: number;
      readonly fieldKind: string;
      readonly scalar?: number | undefined;
    }[];
  }[];
  readonly enums: readonly {
    readonly name: string;
    readonly values: readonly { readonly name: string; readonly number: number }[];
  }[];
};

// Names the specification changed in v0.20 without changing the bytes.
const RENAMED: Record<string, string> = { AgentConfigFile: "AgentConfigObject" };

test("our protocol file agrees with another implementation's", () => {
  const [known, expected] = [fieldsOf(ours), fieldsOf(theirs)];
  expect(expected.size).toBeGreaterThan(140);
  const same = [...expected.keys()].map((field) => [field, known.get(field)]);
  expect(same).toEqual([...expected]);
});

function fieldsOf(file: Described): Map<string, string> {
  const fields = new Map<string, string>();
  for (const message of file.messages) {
    const name = RENAMED[message.name] ?? message.name;
    for (const field of message.fields) {
      fields.set(`${name}.${field.name}`, `${field.number} ${field.fieldKind} ${field.scalar ?? ""}`);
    }
  }
  for (const { name, values } of file.enums) {
    for (const value of values) fields.set(`${name}.${value.name}`, String(value.number));
  }
  return fields;
}
