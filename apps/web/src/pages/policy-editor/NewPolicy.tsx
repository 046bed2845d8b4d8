import { PolicyDocument } from "@flowplane/contract";
import { PolicyEditor } from "./PolicyEditor.tsx";

/** A policy begins with what nobody can regret: it watches. */
const FIRST = PolicyDocument.parse({});

export default function NewPolicyPage() {
  return <PolicyEditor policy={undefined} begun={FIRST} />;
}
